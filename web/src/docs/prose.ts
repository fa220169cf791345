import { html, type TemplateResult } from 'lit';

/** Renders a text of the API description, with its code between back-ticks. */
export function prose(text: string): (TemplateResult | string)[] {
  return text
    .split('`')
    .map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : part));
}

/** Renders a path, which may be broken after each of its segments. */
export function pathCode(path: string): TemplateResult {
  const segments = path.split(/(?<=.)(?=\/)/u);
  return html`<code class="path"
    >${segments.map((segment, index) => (index === 0 ? segment : html`<wbr />${segment}`))}</code
  >`;
}
