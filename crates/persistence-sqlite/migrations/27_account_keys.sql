-- Whether the account has or had an API key. Until now, its first key was recorded as a sign-in at the same time.
ALTER TABLE accounts ADD COLUMN has_had_key INTEGER NOT NULL DEFAULT 0;

UPDATE accounts SET has_had_key = 1
WHERE EXISTS (SELECT 1 FROM api_keys WHERE api_keys.user_id = accounts.user_id);

UPDATE accounts SET signed_in_at = NULL
WHERE password IS NULL AND EXISTS (
    SELECT 1 FROM api_keys
    WHERE api_keys.user_id = accounts.user_id AND api_keys.created_at = accounts.signed_in_at
);
