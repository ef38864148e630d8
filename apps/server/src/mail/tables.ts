/** The tables of mail: who wants what, what is asked for but not confirmed, what is to be sent, and what came back. */
import { randomBytes } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import { migrate } from '../database.ts'

export const steps = [
  `CREATE TABLE mail (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    -- Links in mail are signed with it.
    secret BLOB NOT NULL,
    -- The process that is sending, and when it last said so (ms).
    roundOwner TEXT,
    roundHeartbeat INTEGER NOT NULL DEFAULT 0,
    roundAt INTEGER,
    -- Trouble with the mail server: how often in a row, what, and when it is tried again (ms).
    troubles INTEGER NOT NULL DEFAULT 0,
    trouble TEXT,
    resumeAt INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE TABLE mail_subscribers (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    address TEXT NOT NULL,
    addressKey TEXT NOT NULL UNIQUE,
    -- active, suspended
    state TEXT NOT NULL,
    reason TEXT,
    rejections INTEGER NOT NULL DEFAULT 0,
    createdAt INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE mail_subscriptions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    subscriber INTEGER NOT NULL REFERENCES mail_subscribers(id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    query TEXT NOT NULL,
    hour INTEGER NOT NULL,
    zone TEXT NOT NULL,
    -- active, paused, left
    state TEXT NOT NULL,
    nextDue INTEGER NOT NULL,
    -- Papers up to here are in digests; and the last place in the library that was looked at for them.
    covered TEXT NOT NULL,
    seen INTEGER,
    consentAt INTEGER NOT NULL,
    UNIQUE (subscriber, kind, query)
  ) STRICT;
  CREATE INDEX mail_subscriptions_due ON mail_subscriptions(state, nextDue);
  CREATE TABLE mail_confirmations (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    address TEXT NOT NULL,
    addressKey TEXT NOT NULL,
    kind TEXT NOT NULL,
    query TEXT NOT NULL,
    hour INTEGER NOT NULL,
    zone TEXT NOT NULL,
    createdAt INTEGER NOT NULL,
    -- Of the link that was sent last: SHA-256 in hex, and until when it holds (ms).
    tokenHash TEXT UNIQUE,
    expiresAt INTEGER,
    -- What it became when it was confirmed.
    subscription INTEGER
  ) STRICT;
  CREATE INDEX mail_confirmations_address ON mail_confirmations(addressKey, createdAt);
  CREATE INDEX mail_confirmations_created ON mail_confirmations(createdAt);
  CREATE TABLE mail_outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    -- digest, confirmation, test
    kind TEXT NOT NULL,
    address TEXT NOT NULL,
    subscription INTEGER,
    period TEXT,
    confirmation INTEGER,
    content TEXT NOT NULL,
    messageId TEXT NOT NULL,
    -- queued, sending, sent, failed, deferred, uncertain, cancelled, forgotten
    state TEXT NOT NULL,
    -- The process that is sending it.
    owner TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    nextAttempt INTEGER NOT NULL,
    queuedAt INTEGER NOT NULL,
    changedAt INTEGER NOT NULL,
    -- What the server answered last, or why it is in this state.
    response TEXT,
    UNIQUE (subscription, period)
  ) STRICT;
  CREATE INDEX mail_outbox_state ON mail_outbox(state, nextAttempt);
  CREATE INDEX mail_outbox_changed ON mail_outbox(changedAt);
  CREATE TABLE mail_rejections (
    -- What the same report or answer always gives, so that none counts twice.
    hash TEXT PRIMARY KEY,
    at INTEGER NOT NULL,
    address TEXT NOT NULL,
    status TEXT NOT NULL,
    diagnostic TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;`,
]

/** Makes the tables where they are missing, and gives the secret that links are signed with. */
export function openMailTables(database: DatabaseSync): Buffer {
  migrate(database, 'mail', steps)
  database.prepare('INSERT OR IGNORE INTO mail (only_row, secret) VALUES (1, ?)').run(randomBytes(32))
  return Buffer.from(database.prepare('SELECT secret FROM mail').get()!.secret as Uint8Array)
}

export type MailKind = 'digest' | 'confirmation' | 'test'

export type MailState = 'queued' | 'sending' | 'sent' | 'failed' | 'deferred' | 'uncertain' | 'cancelled' | 'forgotten'
