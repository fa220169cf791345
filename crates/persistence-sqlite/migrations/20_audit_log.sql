-- The audit log. The hash of an entry depends on its other columns, and so on all entries before it.
CREATE TABLE audit_entries (
    number INTEGER NOT NULL PRIMARY KEY,
    at INTEGER NOT NULL,
    action TEXT NOT NULL,
    details TEXT,
    result TEXT NOT NULL,
    actor_id TEXT,
    actor_name TEXT,
    via TEXT NOT NULL,
    address TEXT,
    request_id TEXT,
    subject_id TEXT,
    subject_name TEXT,
    previous_hash TEXT NOT NULL,
    hash TEXT NOT NULL
) STRICT;

CREATE INDEX audit_entries_actor ON audit_entries (actor_name, number) WHERE actor_name IS NOT NULL;
CREATE INDEX audit_entries_subject ON audit_entries (subject_name, number) WHERE subject_name IS NOT NULL;
CREATE INDEX audit_entries_action ON audit_entries (action, number);
CREATE INDEX audit_entries_at ON audit_entries (at);

-- Both ends of the chain of hashes: the last removed entry, and the last entry. There is one row.
CREATE TABLE audit_chain (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 0),
    start_number INTEGER NOT NULL,
    start_hash TEXT NOT NULL,
    head_number INTEGER NOT NULL,
    head_hash TEXT NOT NULL
) STRICT;

INSERT INTO audit_chain VALUES (
    0,
    0, '0000000000000000000000000000000000000000000000000000000000000000',
    0, '0000000000000000000000000000000000000000000000000000000000000000'
);
