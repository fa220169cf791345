declare module '@carbon/icons/es/*' {
  interface Icon {
    elem: string;
    attrs: Record<string, string | number>;
    content?: Icon[];
  }
  const icon: Icon;
  export default icon;
}
