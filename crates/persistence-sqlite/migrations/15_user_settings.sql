-- The settings of each user, as JSON, and their revision: 0 if they were never written.
ALTER TABLE users ADD COLUMN settings TEXT;
ALTER TABLE users ADD COLUMN settings_revision INTEGER NOT NULL DEFAULT 0;
