-- The groups of accounts, by their sources.
ALTER TABLE accounts ADD COLUMN group_sources TEXT NOT NULL DEFAULT '[]';

-- The members of each group, whichever sources it has.
CREATE TABLE group_members (
    group_name TEXT NOT NULL,
    account_name TEXT NOT NULL REFERENCES accounts (name) ON DELETE CASCADE,
    PRIMARY KEY (group_name, account_name)
) STRICT, WITHOUT ROWID;

CREATE INDEX group_members_account ON group_members (account_name);
