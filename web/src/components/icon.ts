import { svg, type SVGTemplateResult } from 'lit';
import type Icon from '@carbon/icons/es/add/16.js';

/** An icon that says nothing by itself: its button has the label. */
export function icon({ attrs: { viewBox }, content }: typeof Icon): SVGTemplateResult {
  const paths = (content ?? []).map(({ attrs }) => svg`<path d=${attrs['d'] ?? ''}></path>`);
  return svg`<svg class="icon" viewBox=${viewBox ?? '0 0 32 32'} width="16" height="16" aria-hidden="true" focusable="false">${paths}</svg>`;
}
