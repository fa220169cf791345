-- Lists of the accounts with a role, or that are disabled, by name.
CREATE INDEX accounts_role ON accounts (role, name);
CREATE INDEX accounts_disabled ON accounts (name) WHERE disabled_at IS NOT NULL;
