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
    request TEXT NOT NULL DEFAULT '',     -- the id of the request that brought this generation
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

-- Secrets that were made up here, until they are shown once.
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
    why TEXT NOT NULL DEFAULT '',
    request TEXT NOT NULL DEFAULT ''
);
CREATE INDEX history_by_object ON history (object_kind, object_name, node, id);
CREATE INDEX history_under_way ON history (node) WHERE outcome = '';

-- The keys that sign requests; two versions of one may be valid while it is being rotated. Scopes and CIDRs are words
-- with spaces between.
CREATE TABLE keys (
    node TEXT NOT NULL,
    kid TEXT NOT NULL,
    version INTEGER NOT NULL,
    sealed TEXT NOT NULL,
    scopes TEXT NOT NULL,
    cidrs TEXT NOT NULL,
    comment TEXT NOT NULL,
    created INTEGER NOT NULL,
    not_before INTEGER,
    expires INTEGER,
    revoked INTEGER,
    PRIMARY KEY (node, kid, version)
) WITHOUT ROWID;

-- Nonces that were consumed, by the time they were signed for. What is not above the mark nonce_horizon is refused
-- unseen, so rows beneath it can go, and no clock that jumps back brings them into force again.
CREATE TABLE nonces (
    node TEXT NOT NULL,
    ts INTEGER NOT NULL,
    kid TEXT NOT NULL,
    nonce TEXT NOT NULL,
    PRIMARY KEY (node, ts, kid, nonce)
) WITHOUT ROWID;

-- paused: whether the whole server is. And numbers that only rise: nonce_newest, nonce_horizon, events_pruned, keys, probed, and
-- how far each receiver has read.
CREATE TABLE marks (
    node TEXT NOT NULL,
    name TEXT NOT NULL,
    value INTEGER NOT NULL,
    PRIMARY KEY (node, name)
) WITHOUT ROWID;

CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    node TEXT NOT NULL,
    at INTEGER NOT NULL,
    who TEXT NOT NULL,
    origin TEXT NOT NULL,
    request TEXT NOT NULL,
    action TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    generation INTEGER NOT NULL,
    changes TEXT NOT NULL
);

CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    node TEXT NOT NULL,
    at INTEGER NOT NULL,
    type TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    generation INTEGER NOT NULL,
    request TEXT NOT NULL,
    why TEXT NOT NULL
);
