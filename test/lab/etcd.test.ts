// etcd in the laboratory: it answers where it should, keeps its data over a kill, and has a leader to lose.
import { describe, expect } from "bun:test"
import { startEtcd } from "./etcd.ts"
import { Lab } from "./Lab.ts"
import { must } from "./process.ts"
import { requires } from "./requires.ts"
import { oneRack } from "./topology.ts"

describe("etcd for tests", () => {
  requires("etcd", "etcdctl").test("one member on loopback has its data after kill -9", async () => {
    await using etcd = await startEtcd()
    await etcd.etcdctl("put", "key", "kept")
    await etcd.member.kill()
    expect(etcd.member.running).toBe(false)
    etcd.member.start()
    await etcd.healthy()
    expect(await etcd.etcdctl("get", "key", "--print-value-only")).toBe("kept\n")
  })

  requires("etcd", "etcdctl").test("three members go on without the one that led", async () => {
    await using etcd = await startEtcd({ members: 3 })
    const leader = await etcd.leader()
    await leader.kill()
    const rest = etcd.members.filter((one) => one !== leader)
    await etcd.healthy(rest)
    expect((await etcd.leader()).name).not.toBe(leader.name)
    leader.start()
    await etcd.healthy()
  })

  requires("root", "ip", "nft", "etcd", "etcdctl").test(
    "answers the hosts of a lab at the address of its own host",
    async () => {
      await using lab = await Lab.create(oneRack())
      const etcd = await startEtcd({ lab, hosts: ["tor-1"] })
      expect(etcd.endpoints).toEqual(["http://10.0.1.254:2379"])
      const words = ["env", "ETCDCTL_API=3", "etcdctl", `--endpoints=${etcd.endpoints[0]}`]
      await lab.exec("node-01", [...words, "put", "from", "node-01"])
      expect(await lab.exec("node-02", [...words, "get", "from", "--print-value-only"])).toBe("node-01\n")
      const pid = etcd.member.pid
      await lab.dispose()
      await expect(must(["kill", "-0", String(pid)])).rejects.toThrow()
    }
  )
})
