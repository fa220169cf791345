import '../ui/overlays/dialogs.scss';
import './chat-settings.scss';

import { html, nothing, type PropertyValues } from 'lit';

import './answer-length';
import './creativity';
import './examples';
import './settings-text';

import type { SettingsSection } from '../app/app';
import type { Context } from '../api/types';
import type { ContextEditor } from '../state/context/context-editor';
import { formatDate } from '../state/dates';
import { Modal } from '../ui/overlays/modal';
import { StoreController } from '../ui/store-controller';
import {
  contextWords,
  creativityWords,
  exampleWords,
  instructionWords,
  lengthWords,
  settingsWords as words,
  summaryWords,
} from '../words/settings';
import { contextMeter } from './context-meter';

/** The panel with the settings of the open chat, and the instructions of all chats. */
export class ChatSettings extends Modal {
  static override properties = { ...Modal.properties, section: { attribute: false } };

  /** The section to show first; `null` is the beginning. */
  declare section: SettingsSection | null;

  protected readonly heading = words.title();
  protected override readonly variant = 'sheet';

  readonly #editor = new StoreController(this);
  readonly #context = new StoreController(this);
  readonly #user = new StoreController(this);
  readonly #config = new StoreController(this);
  #isScrolled = false;

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('app')) {
      this.#editor.store = this.app.contextEditor;
      this.#user.store = this.app.userSettings.state;
      this.#config.store = this.app.config;
    }
    const editor = this.app.contextEditor.value;
    if (editor) this.#context.store = editor.state;
  }

  protected override updated(): void {
    const target = this.section && this.querySelector(`#settings-${this.section}`);
    if (!target || this.#isScrolled) return;
    this.#isScrolled = true;
    // The sections above get their height when their components have rendered.
    requestAnimationFrame(() => {
      target.scrollIntoView();
      target.querySelector<HTMLElement>('h3')?.focus({ preventScroll: true });
    });
  }

  protected content() {
    const editor = this.app.contextEditor.value;
    if (!editor) return html``;
    const { phase, context } = editor.state.value;
    if (phase === 'failed') {
      return html`<div role="alert">
        <p>${words.loadFailed()}</p>
        <button class="link" type="button" @click=${() => editor.load()}>
          ${words.tryAgain()}
        </button>
      </div>`;
    }
    if (!context) {
      return html`<div class="skeleton" role="status" aria-label=${words.loading()}>
        ${[90, 40, 82, 72, 60].map((width) => html`<span class="bar w${width}"></span>`)}
      </div>`;
    }
    return html`${this.#instructions(editor, context)} ${this.#length(editor, context)}
    ${this.#creativity(editor, context)} ${this.#examples(editor, context)}
    ${this.#usage(editor, context)}`;
  }

  #instructions(editor: ContextEditor, context: Context) {
    const { system_prompt: prompt } = context;
    const save = (text: string | null) => editor.change('system_prompt', { system_prompt: text });
    const { settings, status } = this.app.userSettings.state.value;
    return section(
      'instructions',
      instructionWords.title(),
      html`<p class="aside">${instructionWords.about()}</p>
        <webchat-settings-text
          .label=${instructionWords.forThisChat()}
          .saveLabel=${instructionWords.saveForThisChat()}
          .help=${instructionsHelp(context)}
          .text=${prompt?.text ?? ''}
          .draft=${this.#draft(editor, 'system_prompt')}
          .status=${editor.statusOf('system_prompt')}
          .discardLabel=${instructionWords.reset()}
          .save=${save}
          .discard=${prompt ? () => save(null) : null}
        ></webchat-settings-text>
        ${
          settings
            ? html`<webchat-settings-text
                .label=${instructionWords.forAllChats()}
                .saveLabel=${instructionWords.saveForAllChats()}
                .help=${instructionWords.defaultHelp()}
                .text=${settings.system_prompt ?? ''}
                .draft=${this.app.settingDrafts.of(null, 'system_prompt')}
                .status=${status}
                .discardLabel=${instructionWords.remove()}
                .save=${(text: string) => this.#saveDefault(editor, text)}
                .discard=${
                  settings.system_prompt === null ? null : () => this.#saveDefault(editor, null)
                }
              ></webchat-settings-text>`
            : nothing
        }`,
    );
  }

  /** The default may apply to this chat, whose context then changes with it. */
  async #saveDefault(editor: ContextEditor, text: string | null): Promise<boolean> {
    const isSaved = await this.app.userSettings.saveInstructions(text);
    void editor.load();
    return isSaved;
  }

  #length(editor: ContextEditor, context: Context) {
    const limit = this.app.config.value?.reply_tokens;
    if (limit === undefined) return nothing;
    return section(
      'length',
      lengthWords.title(),
      html`<webchat-answer-length
        .editor=${editor}
        .tokens=${context.reply_tokens}
        .limit=${limit}
        .draft=${this.#draft(editor, 'reply_tokens')}
      ></webchat-answer-length>`,
    );
  }

  #creativity(editor: ContextEditor, context: Context) {
    return section(
      'creativity',
      creativityWords.title(),
      html`<webchat-creativity
        .editor=${editor}
        .parameters=${context.parameters}
        .draft=${this.#draft(editor, 'parameters')}
      ></webchat-creativity>`,
    );
  }

  #examples(editor: ContextEditor, context: Context) {
    return section(
      'examples',
      exampleWords.title(),
      html`<p class="aside">${exampleWords.about()}</p>
        <webchat-examples
          .editor=${editor}
          .examples=${context.few_shot_examples}
          .question=${this.#draft(editor, 'example_question')}
          .answer=${this.#draft(editor, 'example_answer')}
        ></webchat-examples>`,
    );
  }

  #usage(editor: ContextEditor, context: Context) {
    return section(
      'context',
      contextWords.title(),
      html`<p class="aside">${contextWords.about(context.ledger.window)}</p>
        ${contextMeter(context.ledger)} ${this.#summary(editor, context)}`,
    );
  }

  #summary(editor: ContextEditor, { summary }: Context) {
    if (!summary) return html`<p class="aside">${summaryWords.none()}</p>`;
    const day = formatDate(new Date(summary.created_at));
    const author = summaryWords.author(summary.author);
    return html`<webchat-settings-text
      .label=${summaryWords.title()}
      .saveLabel=${summaryWords.save()}
      .help=${`${summaryWords.about(summary.message_count)} ${summaryWords.details(author, day, summary.token_count)}`}
      .text=${summary.text}
      .draft=${this.#draft(editor, 'summary')}
      .discardLabel=${summaryWords.remove()}
      .status=${editor.statusOf('summary')}
      .save=${(text: string) => editor.replaceSummary(text)}
      .discard=${() => editor.removeSummary()}
    ></webchat-settings-text>`;
  }

  #draft(editor: ContextEditor, setting: string) {
    return this.app.settingDrafts.of(editor.conversationId, setting);
  }
}

function section(id: SettingsSection, title: string, content: unknown) {
  return html`<section
    class="settings-section"
    id="settings-${id}"
    aria-labelledby="settings-${id}-title"
  >
    <h3 id="settings-${id}-title" tabindex="-1">${title}</h3>
    ${content}
  </section>`;
}

function instructionsHelp({
  system_prompt: prompt,
  system_prompt_source: source,
}: Context): string {
  if (prompt) return instructionWords.ownApply(prompt.token_count);
  if (source === 'user') return instructionWords.defaultApplies();
  return source === 'server' ? instructionWords.serverApplies() : instructionWords.noneApply();
}

customElements.define('webchat-chat-settings', ChatSettings);
