"""The tables of the state."""

VERSION = 2
"""Raised with every change of the tables: a state of another version is deleted, and read from the topics again."""

TABLES = """
CREATE TABLE offsets (topic TEXT, partition INTEGER, next INTEGER, PRIMARY KEY (topic, partition)) WITHOUT ROWID;
CREATE TABLE values_kept (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;

-- Messages in a minute. stage: model, llm or human. outcome: accepted, refused, dead_letter, review, corrected.
CREATE TABLE minutes (
  minute INTEGER, stage TEXT, outcome TEXT, label TEXT, messages INTEGER,
  PRIMARY KEY (minute, stage, outcome, label)
) WITHOUT ROWID;
-- The worker's decisions in an hour, by confidence in steps of 1/200.
CREATE TABLE hours (
  hour INTEGER, model TEXT, intent TEXT, reason TEXT, channel TEXT, language TEXT, confidence INTEGER, messages INTEGER,
  PRIMARY KEY (hour, model, intent, reason, channel, language, confidence)
) WITHOUT ROWID;
-- The answers to the messages of a block of offsets, and the first and the last of them that has one.
CREATE TABLE counted (
  topic TEXT, partition INTEGER, stage TEXT, block INTEGER, messages INTEGER, accepted INTEGER, refused INTEGER,
  dead_letter INTEGER, other INTEGER, first INTEGER, last INTEGER, seen_at INTEGER,
  PRIMARY KEY (topic, partition, stage, block)
) WITHOUT ROWID;
-- Which messages these are: a bit for each offset. An output that was sent twice counts once.
CREATE TABLE counted_bits (
  topic TEXT, partition INTEGER, stage TEXT, block INTEGER, bits BLOB, PRIMARY KEY (topic, partition, stage, block)
) WITHOUT ROWID;

-- The latest decisions, with the text where the event has it.
CREATE TABLE decisions (
  id INTEGER PRIMARY KEY, at INTEGER, topic TEXT, partition INTEGER, offset INTEGER, message_id TEXT,
  conversation_id TEXT, customer_id TEXT, channel TEXT, language TEXT, decided_by TEXT, outcome TEXT, intent TEXT,
  confidence REAL, reason TEXT, corrects TEXT, text TEXT, event BLOB
);
CREATE INDEX decisions_of_conversation ON decisions (conversation_id, at) WHERE conversation_id IS NOT NULL;

-- A sample of the intents of each hour, for dry runs of rules: those with the smallest draws.
CREATE TABLE samples (
  hour INTEGER, draw REAL, at INTEGER, topic TEXT, partition INTEGER, offset INTEGER, message_id TEXT, customer_id TEXT,
  channel TEXT, language TEXT, decided_by TEXT, intent TEXT, confidence REAL, text TEXT, event BLOB,
  PRIMARY KEY (hour, draw)
) WITHOUT ROWID;

-- Messages for people. A row can come from its request or from an answer, whichever is read first.
CREATE TABLE reviews (
  key TEXT PRIMARY KEY, arrived INTEGER, audit INTEGER, message_id TEXT, conversation_id TEXT, channel TEXT,
  language TEXT, intent TEXT, confidence REAL, event BLOB, record_key BLOB, trace BLOB, labels TEXT,
  answered INTEGER, label TEXT, answers INTEGER NOT NULL DEFAULT 0, answer_ids TEXT NOT NULL DEFAULT '',
  published TEXT, reopened INTEGER, first_reader TEXT, second_draw REAL,
  second_reader TEXT, second_label TEXT,
  open INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
-- Not a generated column: SQLite would read the whole row to count by an index on that.
CREATE TRIGGER reviews_added AFTER INSERT ON reviews BEGIN
  UPDATE reviews SET open = NEW.event IS NOT NULL
    AND (NEW.answered IS NULL OR COALESCE(NEW.reopened, 0) > NEW.answered) WHERE key = NEW.key;
END;
CREATE TRIGGER reviews_changed AFTER UPDATE OF event, answered, reopened ON reviews BEGIN
  UPDATE reviews SET open = NEW.event IS NOT NULL
    AND (NEW.answered IS NULL OR COALESCE(NEW.reopened, 0) > NEW.answered) WHERE key = NEW.key;
END;
CREATE INDEX reviews_open ON reviews (open, arrived);
CREATE INDEX reviews_audits ON reviews (open, audit) WHERE audit = 1;
CREATE INDEX reviews_twice ON reviews (second_reader) WHERE second_reader IS NOT NULL;
CREATE INDEX reviews_answered ON reviews (answered) WHERE answered IS NOT NULL;
CREATE INDEX reviews_second ON reviews (answered) WHERE first_reader IS NOT NULL AND second_reader IS NULL;
CREATE TABLE label_sets (id TEXT PRIMARY KEY, labels TEXT) WITHOUT ROWID;
CREATE TABLE claims (
  key TEXT PRIMARY KEY, who TEXT, console TEXT, act_id TEXT, since INTEGER, until INTEGER
) WITHOUT ROWID;
CREATE TABLE skips (key TEXT, who TEXT, at INTEGER, PRIMARY KEY (key, who)) WITHOUT ROWID;

-- Answers of people and LLMs, with their texts.
CREATE TABLE labels (
  id INTEGER PRIMARY KEY, event_id TEXT UNIQUE, at INTEGER, message_id TEXT, topic TEXT, partition INTEGER,
  offset INTEGER, channel TEXT, language TEXT, text TEXT, label TEXT, decided_by TEXT, audited BLOB
);
CREATE VIRTUAL TABLE label_words USING fts5 (text);
CREATE INDEX labels_by_label ON labels (label, at);
CREATE INDEX labels_audited ON labels (at) WHERE audited IS NOT NULL;

CREATE TABLE tickets (
  ticket_id TEXT PRIMARY KEY, conversation_id TEXT, customer_id TEXT, status TEXT, queue TEXT, priority TEXT,
  intent TEXT, due INTEGER, opened INTEGER, updated INTEGER, messages INTEGER, searched TEXT, event BLOB
) WITHOUT ROWID;
CREATE INDEX tickets_of_queue ON tickets (status, queue, due);
CREATE INDEX tickets_updated ON tickets (updated);
CREATE INDEX tickets_of_conversation ON tickets (conversation_id);

CREATE TABLE alerts (
  alert_id TEXT PRIMARY KEY, ended INTEGER, intent TEXT, count INTEGER, usual REAL, window_start INTEGER,
  window_end INTEGER, examples TEXT
) WITHOUT ROWID;
CREATE TABLE thresholds (
  model TEXT, version TEXT, number INTEGER, threshold REAL, previous REAL, reason TEXT, alarm TEXT, estimate REAL,
  lower REAL, upper REAL, answers INTEGER, decided INTEGER, PRIMARY KEY (model, version)
) WITHOUT ROWID;

CREATE TABLE acts (
  id INTEGER PRIMARY KEY, act_id TEXT UNIQUE, at INTEGER, act TEXT, subject TEXT, who TEXT, role TEXT, console TEXT,
  details TEXT
);
CREATE INDEX acts_at ON acts (at);
CREATE INDEX acts_of_person ON acts (who, act);
CREATE INDEX acts_of_subject ON acts (subject);

-- Not from topics: who is signed in here. Deleting the state signs everybody out.
CREATE TABLE sessions (
  id_hash TEXT PRIMARY KEY, who TEXT, role TEXT, by TEXT, csrf TEXT, created INTEGER, seen INTEGER, notice TEXT
) WITHOUT ROWID;
"""
