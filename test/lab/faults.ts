// Things that go wrong, made to order: a cable pulled, a node without power, BGP blocked while everything else passes. They
// act in the fabric, on the switch's end of a host's cable, so that the host itself looks untouched. Processes are faulted
// by their owners (`Router.kill`, `Router.freeze`, `EtcdMember.freeze`, `Background.signal`).
import { FABRIC, type Lab } from "./Lab.ts"
import { must } from "./process.ts"

/** Pulls the cable: the host sees its carrier go. */
export const linkDown = (lab: Lab, host: string, device = "eth0"): Promise<string> =>
  must(["ip", "-n", lab.namespace(FABRIC), "link", "set", lab.port(host, device), "down"])

export const linkUp = (lab: Lab, host: string, device = "eth0"): Promise<string> =>
  must(["ip", "-n", lab.namespace(FABRIC), "link", "set", lab.port(host, device), "up"])

/** Drops BGP (TCP port 179 at either end) of a host in both directions: sessions die by hold timer, traffic goes on. */
export const blockBgp = (lab: Lab, host: string, device = "eth0"): Promise<string> => {
  const port = lab.port(host, device)
  const rules = ["iifname", "oifname"].flatMap((side) =>
    ["ip", "ip6"].flatMap((family) =>
      ["sport", "dport"].map(
        (end) => `add rule bridge lab faults ${side} "${port}" ether type ${family} tcp ${end} 179 counter drop`
      )
    )
  )
  return lab.exec(FABRIC, ["nft", "-f", "-"], { input: `${rules.join("\n")}\n` })
}

/**
 * Lets TCP connections of port 179 open and then drops what carries data: every message, so that both ends sit in OpenSent
 * on as many connections as they open, or only the short ones, so that OPENs pass and no session gets beyond OpenConfirm.
 * Replaces what was blocked before; after `unblock` TCP sends again what was lost. IPv4.
 */
export const holdBackMessages = (lab: Lab, host: string, which: "all" | "short", device = "eth0"): Promise<string> => {
  const port = lab.port(host, device)
  // A SYN with all its options is 60 octets, a KEEPALIVE 20 + 32 + 19, an OPEN with four capabilities over 100.
  const length = which === "all" ? "> 64" : "65-100"
  const rules = ["iifname", "oifname"].flatMap((side) =>
    ["sport", "dport"].map(
      (end) =>
        `add rule bridge lab faults ${side} "${port}" ether type ip ip length ${length} tcp ${end} 179 counter drop`
    )
  )
  return lab.exec(FABRIC, ["nft", "-f", "-"], { input: `flush chain bridge lab faults\n${rules.join("\n")}\n` })
}

const setCables = (lab: Lab, hosts: ReadonlyArray<string>, state: "up" | "down"): Promise<string> => {
  const ports = hosts.flatMap((host) => lab.devices(host).map((device) => lab.port(host, device)))
  return must(["ip", "-n", lab.namespace(FABRIC), "-batch", "-"], {
    input: ports.map((port) => `link set ${port} ${state}\n`).join("")
  })
}

/** All cables of the hosts at once, as the network sees it when the power goes. What runs on the hosts is not touched. */
export const powerOff = (lab: Lab, ...hosts: ReadonlyArray<string>): Promise<string> => setCables(lab, hosts, "down")

export const powerOn = (lab: Lab, ...hosts: ReadonlyArray<string>): Promise<string> => setCables(lab, hosts, "up")

const addRules = (lab: Lab, rules: ReadonlyArray<string>, before = ""): Promise<string> =>
  lab.exec(FABRIC, ["nft", "-f", "-"], {
    input: before + rules.map((rule) => `add rule bridge lab faults ${rule} counter drop\n`).join("")
  })

const silence = (port: string): ReadonlyArray<string> => ["iifname", "oifname"].map((side) => `${side} "${port}"`)

/** Nothing passes a host's cable in either direction, while its carrier stays: silence instead of an error. */
export const cut = (lab: Lab, host: string, device = "eth0"): Promise<string> =>
  addRules(lab, silence(lab.port(host, device)))

/** The same, in one step with the end of everything that was blocked before. */
export const cutOnly = (lab: Lab, host: string, device = "eth0"): Promise<string> =>
  addRules(lab, silence(lab.port(host, device)), "flush chain bridge lab faults\n")

/** Hosts of one segment do not hear each other any more, whatever is said; everybody else hears both. */
export const split = (lab: Lab, one: string, other: string, device = "eth0"): Promise<string> => {
  const [a, b] = [lab.port(one, device), lab.port(other, device)]
  return addRules(lab, [`iifname "${a}" oifname "${b}"`, `iifname "${b}" oifname "${a}"`])
}

/** Undoes every `blockBgp`, `holdBackMessages`, `cut`, `cutOnly` and `split`. */
export const unblock = (lab: Lab): Promise<string> =>
  lab.exec(FABRIC, ["nft", "flush", "chain", "bridge", "lab", "faults"])
