-- Version 1 of the store. Every key carries the node: a shared store will hold many.
-- Times are milliseconds since 1970. A spec is JSON whose secrets are sealed.
CREATE TABLE objects (
    node TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    generation INTEGER NOT NULL,
    spec TEXT NOT NULL,
    source TEXT NOT NULL,
    package TEXT NOT NULL,                -- the package it names, so that one in use is not removed; '' when none
    paused INTEGER NOT NULL DEFAULT 0,
    adopt INTEGER NOT NULL DEFAULT 0,
    confirmed_generation INTEGER NOT NULL DEFAULT 0,
    terminating INTEGER,
    purge INTEGER NOT NULL DEFAULT 0,
    observed_generation INTEGER NOT NULL DEFAULT 0,
    conditions TEXT NOT NULL DEFAULT '[]',
    created INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    PRIMARY KEY (node, kind, name)
);
CREATE INDEX objects_by_package ON objects (node, package) WHERE package <> '';

-- A number is given once: its row stays when the object is forgotten.
CREATE TABLE numbers (
    node TEXT NOT NULL,
    space TEXT NOT NULL,
    number INTEGER NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    released_at INTEGER,
    PRIMARY KEY (node, space, number)
) WITHOUT ROWID;
CREATE INDEX numbers_by_object ON numbers (node, kind, name, released_at);

-- Host names, labels reversed (example.acme.www, example.acme.*), so that what is beneath a name is one range.
CREATE TABLE domains (
    node TEXT NOT NULL,
    reversed TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (node, reversed)
) WITHOUT ROWID;
CREATE INDEX domains_by_object ON domains (node, kind, name);

-- Secrets that were made up here, until they are told once.
CREATE TABLE credentials (
    node TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    label TEXT NOT NULL,
    sealed TEXT NOT NULL,
    PRIMARY KEY (node, kind, name, label)
) WITHOUT ROWID;

CREATE TABLE records (
    node TEXT NOT NULL,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    object_kind TEXT NOT NULL,
    object_name TEXT NOT NULL,
    in_sync_generation INTEGER NOT NULL DEFAULT 0,
    refused_generation INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_attempt INTEGER,
    error TEXT NOT NULL DEFAULT '',
    since INTEGER NOT NULL,
    PRIMARY KEY (node, kind, key)
) WITHOUT ROWID;

CREATE TABLE history (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    node TEXT NOT NULL,
    at INTEGER NOT NULL,
    object_kind TEXT NOT NULL,
    object_name TEXT NOT NULL,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    verb TEXT NOT NULL,
    cause TEXT NOT NULL,
    changes TEXT NOT NULL,
    outcome TEXT NOT NULL DEFAULT '',
    why TEXT NOT NULL DEFAULT ''
);
CREATE INDEX history_by_object ON history (object_kind, object_name, node, id);
CREATE INDEX history_under_way ON history (node) WHERE outcome = '';
