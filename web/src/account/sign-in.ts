import './sign-in.scss';

import { html, nothing } from 'lit';

import { errorCode, errorMessage } from '../api/http';
import type { AccountStore } from '../state/account/account';
import { LightDomElement } from '../ui/light-dom-element';
import { headerWords } from '../words/shell';
import { signInWords as words } from '../words/account';

/** The sign-in, which takes the place of the page. */
export class SignIn extends LightDomElement {
  static override properties = {
    account: { attribute: false },
    problem: { state: true },
    isBusy: { state: true },
    mustChange: { state: true },
    isSignUp: { state: true },
  };

  declare account: AccountStore;
  /** Why the last attempt failed. */
  declare problem: string | null;
  declare isBusy: boolean;
  /** Whether the user must choose a new password. */
  declare mustChange: boolean;
  /** Whether the user adds an account. */
  declare isSignUp: boolean;

  constructor() {
    super();
    this.problem = null;
    this.isBusy = false;
    this.mustChange = false;
    this.isSignUp = false;
  }

  protected override render() {
    const { auth, canSignUp, hasConversations } = this.account.state.value;
    const isOptional = auth === 'optional';
    return html`<main class="sign-in" id="main" tabindex="-1">
      <form @submit=${this.#submit}>
        <p class="sign-in-product">${headerWords.product()}</p>
        <h1>${this.isSignUp ? words.signUpHeading() : words.heading()}</h1>
        ${this.#problem()} ${this.#field('name', words.name(), 'text', 'username')}
        ${this.#passwordField()} ${this.mustChange ? this.#newPassword() : nothing}
        ${hasConversations ? this.#adoptField() : nothing}
        <div class="sign-in-buttons">
          ${
            isOptional
              ? html`<button
                  class="secondary"
                  type="button"
                  @click=${() => this.account.cancelSignIn()}
                >
                  ${words.cancel()}
                </button>`
              : nothing
          }
          <button class="primary" type="submit" aria-disabled=${this.isBusy ? 'true' : nothing}>
            ${this.#submitText()}
          </button>
        </div>
        ${canSignUp ? this.#switchButton() : html`<p class="helper-text">${words.noAccount()}</p>`}
      </form>
    </main>`;
  }

  protected override firstUpdated(): void {
    this.querySelector<HTMLElement>('#sign-in-name')?.focus();
  }

  #problem() {
    return html`<p class="field-error" role="alert">${this.problem ?? nothing}</p>`;
  }

  #field(name: string, label: string, type: string, autocomplete: string) {
    return html`<div class="form-item">
      <label for="sign-in-${name}">${label}</label>
      <input
        id="sign-in-${name}"
        name=${name}
        type=${type}
        autocomplete=${autocomplete}
        autocapitalize="none"
        spellcheck="false"
        required
      />
    </div>`;
  }

  #passwordField() {
    if (!this.isSignUp) {
      return this.#field('password', words.password(), 'password', 'current-password');
    }
    return html`${this.#field('password', words.password(), 'password', 'new-password')}
      <p class="helper-text">${words.newPasswordHint()}</p>`;
  }

  #switchButton() {
    const change = () => {
      this.isSignUp = !this.isSignUp;
      this.problem = null;
      this.querySelector<HTMLElement>('#sign-in-name')?.focus();
    };
    return html`<button class="link" type="button" @click=${change}>
      ${this.isSignUp ? words.toSignIn() : words.toSignUp()}
    </button>`;
  }

  #adoptField() {
    return html`<label class="checkbox">
      <input type="checkbox" name="adopt" />
      <span
        >${words.adopt()}${
          this.isSignUp
            ? nothing
            : html`<br /><span class="helper-text">${words.adoptHint()}</span>`
        }</span
      >
    </label>`;
  }

  #newPassword() {
    return html`${this.#field('new', words.newPassword(), 'password', 'new-password')}
      <p class="helper-text">${words.newPasswordHint()}</p>`;
  }

  #submitText(): string {
    if (this.isSignUp) return this.isBusy ? words.signingUp() : words.signUp();
    if (this.isBusy) return words.signingIn();
    return this.mustChange ? words.changeAndSignIn() : words.signIn();
  }

  async #submit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    if (this.isBusy) return;
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const text = (name: string) => String(form.get(name) ?? '');
    this.isBusy = true;
    this.problem = null;
    try {
      const newPassword = this.mustChange ? text('new') : null;
      const adopt = form.get('adopt') !== null;
      if (this.isSignUp) await this.account.signUp(text('name'), text('password'), adopt);
      else await this.account.signIn(text('name'), text('password'), newPassword, adopt);
    } catch (error) {
      this.isBusy = false;
      this.mustChange ||= errorCode(error) === 'password_change_required';
      this.problem =
        errorCode(error) === 'password_change_required' ? words.mustChange() : errorMessage(error);
      await this.updateComplete;
      this.querySelector<HTMLElement>(
        this.mustChange ? '#sign-in-new' : '#sign-in-password',
      )?.focus();
    }
  }
}

customElements.define('webchat-sign-in', SignIn);

declare global {
  interface HTMLElementTagNameMap {
    'webchat-sign-in': SignIn;
  }
}
