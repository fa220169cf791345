import { Store } from '../store';

/**
 * The id of the conversation that is being renamed, with the title that is being typed. The row of the conversation
 * may be moved or rendered again at any time, because other events change the list: the text survives here.
 */
export class Renaming extends Store<string | null> {
  text = '';
  /** Whether the field takes the focus when it appears. */
  takesFocus = true;

  constructor() {
    super(null);
  }

  begin(conversationId: string, title: string, takesFocus = true): void {
    this.text = title;
    this.takesFocus = takesFocus;
    this.set(conversationId);
  }

  end(): void {
    this.set(null);
  }
}
