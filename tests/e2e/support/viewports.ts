/** The window sizes in which the page is tested: desktop, tablet, phone, small phone and zoomed in. */
export const VIEWPORTS = [
  { width: 1440, height: 900 },
  { width: 768, height: 1024 },
  { width: 390, height: 844 },
  { width: 320, height: 640 },
  // 1440 × 900 at 200 %.
  { width: 720, height: 450 },
] as const;
