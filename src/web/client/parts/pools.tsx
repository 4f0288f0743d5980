// Pools of addresses and how full they are.
import type { PoolStatus } from "../../../resources/nodeStatus.ts"
import { amount, large, listed, share } from "../model/format.ts"
import { Sign } from "./icons.tsx"

const Pool = ({ pool }: { pool: PoolStatus }) => {
  const used = share(pool.used, pool.total)
  const resting = share(pool.resting, pool.total)
  const full = used + resting >= 1 && !pool.manualAssign
  const percent = Math.round((used + resting) * 100)
  return (
    <li class="pool">
      <span class="pool-name" dir="auto">
        {pool.name}
        {pool.manualAssign && <span class="dim"> by name only</span>}
      </span>
      {/* biome-ignore lint/a11y/useSemanticElements: a meter cannot have two parts, and no two browsers draw it alike */}
      <span
        class={`pool-bar ${full ? "pool-full" : ""}`}
        role="meter"
        aria-label={`Use of pool ${pool.name}`}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={percent}
      >
        <span class="pool-used" style={{ width: `${used * 100}%` }} />
        <span class="pool-resting" style={{ width: `${resting * 100}%` }} />
      </span>
      <span class="pool-count">
        {full && <Sign tone="warn" size={14} />} {amount(pool.used)} of {large(pool.total)}
        {pool.resting > 0 && <span class="dim"> · {pool.resting} resting</span>}
      </span>
      <span class="pool-addresses mono dim">{listed(pool.addresses)}</span>
    </li>
  )
}

export const Pools = ({ pools }: { pools: ReadonlyArray<PoolStatus> }) =>
  pools.length === 0 ? null : (
    <section class="card" aria-label="Pools">
      <h2>Pools</h2>
      <ul class="pools">
        {pools.map((pool) => (
          <Pool key={pool.name} pool={pool} />
        ))}
      </ul>
    </section>
  )
