import './sign-in.scss';

import { html, nothing, type PropertyValues } from 'lit';

import { errorCode, errorMessage } from '../api/http';
import type { AccountStore } from '../state/account/account';
import { pathInApp } from '../state/page/address';
import { LightDomElement } from '../ui/light-dom-element';
import { StoreController } from '../ui/store-controller';
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

  readonly #state = new StoreController(this);

  constructor() {
    super();
    this.problem = null;
    this.isBusy = false;
    this.mustChange = false;
    this.isSignUp = false;
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('account')) this.#state.store = this.account.state;
  }

  protected override render() {
    const { auth, canSignUp, hasConversations, methods } = this.account.state.value;
    const hasPassword = methods?.password ?? true;
    const cancel = auth === 'optional' ? this.#cancelButton() : nothing;
    return html`<main class="sign-in" id="main" tabindex="-1">
      <form @submit=${this.#submit}>
        <p class="sign-in-product">${headerWords.product()}</p>
        <h1 tabindex="-1">${this.isSignUp ? words.signUpHeading() : words.heading()}</h1>
        ${this.#problem()} ${hasPassword ? this.#passwordFields() : nothing}
        ${hasConversations ? this.#adoptField() : nothing}
        <div class="sign-in-buttons">${cancel} ${hasPassword ? this.#submitButton() : nothing}</div>
        ${this.#providerButtons(hasPassword)} ${this.#lastLine(hasPassword, canSignUp)}
      </form>
    </main>`;
  }

  protected override firstUpdated(): void {
    const first = this.querySelector<HTMLElement>('#sign-in-name') ?? this.querySelector('h1');
    first?.focus();
  }

  #passwordFields() {
    return html`${this.#field('name', words.name(), 'text', 'username')} ${this.#passwordField()}
    ${this.mustChange ? this.#newPassword() : nothing}`;
  }

  #cancelButton() {
    return html`<button class="secondary" type="button" @click=${() => this.account.cancelSignIn()}>
      ${words.cancel()}
    </button>`;
  }

  #submitButton() {
    return html`<button
      class="primary"
      type="submit"
      aria-disabled=${this.isBusy ? 'true' : nothing}
    >
      ${this.#submitText()}
    </button>`;
  }

  /** Below a password form, the buttons are less prominent. */
  #providerButtons(hasPassword: boolean) {
    const providers = this.account.state.value.methods?.providers ?? [];
    if (this.isSignUp || this.mustChange || providers.length === 0) return nothing;
    return html`${hasPassword ? html`<p class="sign-in-or">${words.or()}</p>` : nothing}
      <div class="sign-in-providers">
        ${providers.map(
          ({ id, name }) =>
            html`<button
              class=${hasPassword ? 'tertiary' : 'primary'}
              type="button"
              @click=${() => this.#signInWith(id)}
            >
              ${words.continueWith(name)}
            </button>`,
        )}
      </div>`;
  }

  #lastLine(hasPassword: boolean, canSignUp: boolean) {
    if (canSignUp && hasPassword) return this.#switchButton();
    const hasProviders = (this.account.state.value.methods?.providers ?? []).length > 0;
    return hasProviders ? nothing : html`<p class="helper-text">${words.noAccount()}</p>`;
  }

  #signInWith(providerId: string): void {
    const adopt = this.querySelector<HTMLInputElement>('[name="adopt"]')?.checked ?? false;
    const [path = ''] = pathInApp(location.href).split('#');
    this.account.signInWith(providerId, path, adopt);
  }

  #problem() {
    const { signInError } = this.account.state.value;
    const problem = this.problem ?? (signInError === null ? null : words.error(signInError));
    return html`<p class="field-error" role="alert">${problem ?? nothing}</p>`;
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
