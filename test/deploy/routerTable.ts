// The routes that a router may use: its own table, after its filters and before the kernel, as text for people.
import { join } from "node:path"
import type { Lab } from "../lab/Lab.ts"

export type Make = "frr" | "bird" | "gobgp" | "openbgpd"

const COMMANDS: Readonly<Record<Make, (directory: string) => ReadonlyArray<ReadonlyArray<string>>>> = {
  frr: (directory) =>
    ["show bgp ipv4", "show bgp ipv6"].map((words) => ["vtysh", "--vty_socket", join(directory, "frr"), "-c", words]),
  bird: (directory) => [["birdc", "-s", join(directory, "bird.ctl"), "show", "route"]],
  gobgp: () => [
    ["gobgp", "-u", "127.0.0.1", "global", "rib"],
    ["gobgp", "-u", "127.0.0.1", "global", "rib", "-a", "ipv6"]
  ],
  openbgpd: (directory) => [["bgpctl", "-s", join(directory, "openbgpd.sock"), "show", "rib"]]
}

export const routerTable = async (lab: Lab, make: Make, host: string): Promise<string> => {
  const texts: Array<string> = []
  for (const command of COMMANDS[make](lab.hostDirectory(host))) texts.push(await lab.exec(host, command))
  return texts.join("\n")
}
