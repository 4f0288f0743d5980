#!/bin/sh
# confine.sh CHECKOUT DIRECTORY UID CAPABILITIES PROGRAM …: what the unit asks of systemd, as far as a shell can do it, in the mount
# namespace that `ip netns exec` made: an own user with these capabilities alone, nothing of the users, other processes and
# /proc/sys hidden, the system read-only but for DIRECTORY.
set -eu
checkout=$1 directory=$2 uid=$3 capabilities=$4
shift 4

# The checkout may lie in a home; it is to be seen all the same.
mkdir -p "$directory/checkout"
mount --bind "$checkout" "$directory/checkout"
for home in /root /home; do
  if [ -d "$home" ]; then mount -t tmpfs -o mode=755,size=1m tmpfs "$home"; fi
done
mkdir -p "$checkout"
mount --bind "$directory/checkout" "$checkout"
mount -o remount,bind,ro "$checkout"

mount --bind "$directory" "$directory"
chown "$uid:$uid" "$directory"
mount -t proc -o hidepid=invisible,subset=pid proc /proc
mount -o remount,bind,ro /

exec setpriv --reuid="$uid" --regid="$uid" --clear-groups --no-new-privs \
  --bounding-set="-all,$capabilities" --inh-caps="-all,$capabilities" --ambient-caps="-all,$capabilities" "$@"
