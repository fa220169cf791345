import { svg, type SVGTemplateResult } from 'lit';
import type Icon from '@carbon/icons/es/add/16.js';

/** Renders a decorative icon. The button around it has the label. */
export function icon({ attrs, content }: typeof Icon): SVGTemplateResult {
  const { viewBox, width, height } = attrs;
  return svg`<svg class="icon" viewBox=${viewBox ?? '0 0 32 32'} width=${width ?? 16} height=${height ?? 16} aria-hidden="true" focusable="false">${content?.map(shape)}</svg>`;
}

function shape({ elem, attrs }: typeof Icon): SVGTemplateResult {
  if (elem === 'circle') {
    return svg`<circle cx=${attrs['cx'] ?? 0} cy=${attrs['cy'] ?? 0} r=${attrs['r'] ?? 0}></circle>`;
  }
  // The mark inside of a filled icon, which is a hole by default.
  if (attrs['data-icon-path'] === 'inner-path') {
    return svg`<path class="inner-path" d=${attrs['d'] ?? ''}></path>`;
  }
  return svg`<path d=${attrs['d'] ?? ''}></path>`;
}
