// Details beside a page: slides in, takes the focus, gives it back. Escape closes it. The page behind stays usable.
import type { ComponentChildren } from "preact"
import { useLayoutEffect, useRef } from "preact/hooks"
import { Close } from "./icons.tsx"

interface PanelProps {
  readonly title: ComponentChildren
  readonly label: string
  readonly onClose: () => void
  readonly children: ComponentChildren
}

export const Panel = ({ title, label, onClose, children }: PanelProps) => {
  const head = useRef<HTMLHeadingElement>(null)
  // With the panel and not after the next frame: the page may have drawn its rows anew by then, and the focus be nobody's.
  useLayoutEffect(() => {
    const before = document.activeElement
    head.current?.focus({ preventScroll: true })
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true })
    }
  }, [])
  return (
    <div
      class="panel"
      role="dialog"
      aria-label={label}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return
        event.stopPropagation()
        onClose()
      }}
    >
      <header class="panel-head">
        <h2 ref={head} tabIndex={-1} dir="auto">
          {title}
        </h2>
        <button type="button" class="icon-button" aria-label="Close" onClick={onClose}>
          <Close />
        </button>
      </header>
      <div class="panel-body">{children}</div>
    </div>
  )
}

/** Names and values; those that are undefined are left out. */
export const Facts = ({ facts }: { facts: ReadonlyArray<readonly [string, ComponentChildren | undefined]> }) => (
  <dl class="facts">
    {facts
      .filter(([, value]) => value !== undefined && value !== "")
      .map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd dir="auto">{value}</dd>
        </div>
      ))}
  </dl>
)
