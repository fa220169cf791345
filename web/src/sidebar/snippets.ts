/** Stands for a character that is not shown. */
const REMOVED = '\0';
/** Stands for a character of code. */
const HIDDEN = '\uE000';

/** The server's question about a file. A snippet may begin within it. */
const FILE_QUESTION = /^(Please analyse the file "|…(?:.*file ")?)([^"\n]+\.\w+)("\.)(?=\n|$)/;

/** Whether the snippet is of a question about a file, and shows its name. */
export function isFileQuestion(snippet: string): boolean {
  return FILE_QUESTION.test(snippet);
}

/**
 * Converts the parts of a snippet to plain text. The marks of Markdown are removed only where they are certainly marks:
 * a snippet is a fragment, and `C#`, `a || b`, `2 ** 8` and `# comment` are text. They are looked for in the whole
 * snippet, because a part may begin or end within a pair of them.
 */
export function plainSnippet(parts: readonly string[]): string[] {
  const text = withoutMarks(parts.join(''));
  let end = 0;
  return parts.map((part) => {
    const start = end;
    end += part.length;
    return text.slice(start, end).replaceAll(REMOVED, '').replace(/\s+/g, ' ');
  });
}

/** Replaces the marks, keeping the length of the text. */
function withoutMarks(snippet: string): string {
  const code: string[] = [];
  return (
    snippet
      .replace(/^ {0,3}(?:`{3,}|~{3,})/gm, hide)
      // Code is kept as it is: hide it from the other rules.
      .replace(/(?<!`)(`+)(?!`)([^\n]*?[^`\n])\1(?!`)/g, (_, ticks: string, content: string) => {
        code.push(content);
        return hide(ticks) + HIDDEN.repeat(content.length) + hide(ticks);
      })
      .replace(/^ {0,3}#{2,6} /gm, hide)
      .replace(/^[ |:-]*-{3,}[ |:-]*$/gm, hide)
      .replace(/^(?: *\|(?!\|).*|.*(?<!\|)\| *)$/gm, (row) => row.replace(/(?<!\|)\|(?!\|)/g, ' '))
      .replace(/(?<![\w*])\*\*(?=[^\s*])([^\n]*?[^\s*])\*\*(?![\w*])/g, (_, bold: string) =>
        [hide('**'), bold, hide('**')].join(''),
      )
      .replace(new RegExp(`${HIDDEN}+`, 'g'), () => code.shift() ?? '')
      // Of a question about a file, the name is shown.
      .replace(FILE_QUESTION, (_, before: string, name: string, after: string) =>
        [before === '…' ? before : hide(before), name, hide(after)].join(''),
      )
  );
}

function hide(marks: string): string {
  return REMOVED.repeat(marks.length);
}
