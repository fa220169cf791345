import { svg, type SVGTemplateResult } from 'lit';
import type Icon from '@carbon/icons/es/add/16.js';

/** Renders a decorative icon. The button around it has the label. */
export function icon({ attrs: { viewBox }, content }: typeof Icon): SVGTemplateResult {
  return svg`<svg class="icon" viewBox=${viewBox ?? '0 0 32 32'} width="16" height="16" aria-hidden="true" focusable="false">${content?.map(shape)}</svg>`;
}

function shape({ elem, attrs }: typeof Icon): SVGTemplateResult {
  if (elem === 'circle') {
    return svg`<circle cx=${attrs['cx'] ?? 0} cy=${attrs['cy'] ?? 0} r=${attrs['r'] ?? 0}></circle>`;
  }
  return svg`<path d=${attrs['d'] ?? ''}></path>`;
}
