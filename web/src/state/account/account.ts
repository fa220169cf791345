import type { AccountApi } from '../../api/account-api';
import type { Account, AuthMode, SignInMethods } from '../../api/types';
import type { TextStorage } from '../storage';
import { Store } from '../store';

/** The name of the user who used this browser last. */
const LAST_USER = 'user';
/** What the browser stores about the page itself, not about its user. */
const OF_BROWSER = ['theme', 'sidebar', 'notifications', 'single-keys'];

export interface AccountState {
  /** `null` until it is known. */
  auth: AuthMode | null;
  /** `null` if nobody is signed in. */
  account: Account | null;
  /** Whether a proxy has signed the user in: then there is no signing out, and no password. */
  isKnownByProxy: boolean;
  /** Whether the user has chats, which an account can adopt. */
  hasConversations: boolean;
  /** Whether visitors may add accounts of their own. */
  canSignUp: boolean;
  /** Whether the sign-in takes the place of the page. */
  isSignInShown: boolean;
  /** The methods to sign in; `null` until they are known. */
  methods: SignInMethods | null;
  /** The code of the reason why an identity provider has signed nobody in; `null` if there is none. */
  signInError: string | null;
}

/** Who uses the page. After each change of the user, the page is loaded again. */
export class AccountStore {
  readonly state = new Store<AccountState>({
    auth: null,
    account: null,
    isKnownByProxy: false,
    hasConversations: false,
    canSignUp: false,
    isSignInShown: false,
    methods: null,
    signInError: null,
  });

  constructor(
    private readonly api: AccountApi,
    private readonly storage: TextStorage,
    /** Loads the page again, with the open chat or at the start. */
    private readonly reload: (keepsChat: boolean) => void,
    /** Leaves the page for an address. */
    private readonly leave: (address: string) => void = (address) => location.assign(address),
  ) {}

  /**
   * Asks the server who is signed in: at the start, and whenever the session may have ended. The page works without
   * the response.
   */
  async load(): Promise<void> {
    const me = await this.api.me().catch(() => null);
    if (me === null) return;
    const { account: last, isSignInShown } = this.state.value;
    // Another tab has signed in as somebody else.
    if (last !== null && me.account !== null && me.account.name !== last.name) {
      return this.#useAs(me.account.name);
    }
    if (last === null && me.account !== null && !this.#recordUser(me.account.name)) return;
    const mustSignIn = me.account === null && (me.auth === 'required' || last !== null);
    this.state.update((state) => ({
      ...state,
      auth: me.auth,
      account: me.account,
      isKnownByProxy: me.known_by === 'proxy',
      hasConversations: me.has_conversations,
      canSignUp: me.can_sign_up,
      isSignInShown: me.account === null && (mustSignIn || isSignInShown),
    }));
    if (this.state.value.isSignInShown) await this.#loadMethods();
  }

  /** Shows the sign-in with the reason why an identity provider has signed nobody in. */
  async showSignInError(code: string): Promise<void> {
    this.state.update((state) => ({ ...state, signInError: code }));
    await this.load();
    const { account } = this.state.value;
    if (account === null) await this.showSignIn();
  }

  /** Whether the user has a password with which one can sign in to this server. */
  async canChangePassword(): Promise<boolean> {
    await this.#loadMethods();
    const { account, methods } = this.state.value;
    return account?.has_password === true && methods?.password === true;
  }

  /** The form is complete without the response. */
  async #loadMethods(): Promise<void> {
    if (this.state.value.methods !== null) return;
    const methods = await this.api.signInMethods().catch(() => null);
    this.state.update((state) => ({ ...state, methods }));
  }

  /**
   * Records the user whom an identity provider has signed in meanwhile. Returns false if the page is loaded again, because
   * the browser has data of another user.
   */
  #recordUser(name: string): boolean {
    const lastUser = this.storage.get(LAST_USER);
    if (lastUser === null) this.storage.set(LAST_USER, name);
    if (lastUser === null || lastUser === name) return true;
    this.#useAs(name);
    return false;
  }

  /** Shows the sign-in, which asks whether to keep the chats that the browser has had meanwhile. */
  async showSignIn(): Promise<void> {
    await this.load();
    this.state.update((state) => ({ ...state, isSignInShown: true }));
    await this.#loadMethods();
  }

  /** Leaves the page to sign in with an identity provider, which sends the browser back to the open chat. */
  signInWith(providerId: string, path: string, adoptConversations: boolean): void {
    const parameters = new URLSearchParams({ return_to: `/${path}` });
    if (adoptConversations) parameters.set('adopt_conversations', 'true');
    this.leave(`api/v1/auth/oidc/${encodeURIComponent(providerId)}?${parameters}`);
  }

  /** Uses the page without an account. What it shows may be the last user's. */
  cancelSignIn(): void {
    this.#useAs('');
  }

  /** Signs in. Throws the server's error. `newPassword` replaces the password. */
  async signIn(
    name: string,
    password: string,
    newPassword: string | null,
    adoptConversations: boolean,
  ): Promise<void> {
    const credentials = { name, password, adopt_conversations: adoptConversations };
    const account =
      newPassword === null
        ? await this.api.signIn(credentials)
        : await this.api.changePassword({ ...credentials, new_password: newPassword });
    this.#useAs(account.name, adoptConversations);
  }

  /** Adds an account, and signs in. Throws the server's error. */
  async signUp(name: string, password: string, adoptConversations: boolean): Promise<void> {
    const body = { name, password, adopt_conversations: adoptConversations };
    const account = await this.api.signUp(body);
    this.#useAs(account.name, adoptConversations);
  }

  async signOut(): Promise<void> {
    const signedOut = await this.api.signOut();
    if (signedOut === undefined) return this.#useAs('');
    this.#changeUser('');
    this.leave(signedOut.sign_out_url);
  }

  /** Deletes the account with everything in it. Throws the server's error. */
  async erase(password: string | null): Promise<void> {
    await this.api.erase(password);
    this.#useAs('');
  }

  /**
   * Loads the page again. Another user must not see what the last one has left in this browser, and can see the open
   * chat only if it has been adopted.
   */
  #useAs(name: string, hasAdopted = false): void {
    const isSameUser = (this.storage.get(LAST_USER) ?? '') === name;
    this.#changeUser(name);
    this.reload(isSameUser || hasAdopted);
  }

  #changeUser(name: string): void {
    const lastUser = this.storage.get(LAST_USER);
    if ((lastUser ?? '') === name) return;
    if (lastUser !== null) this.#clearStorage();
    if (name !== '') this.storage.set(LAST_USER, name);
  }

  #clearStorage(): void {
    for (const name of this.storage.names('')) {
      if (!OF_BROWSER.some((kept) => name.startsWith(kept))) this.storage.remove(name);
    }
  }
}
