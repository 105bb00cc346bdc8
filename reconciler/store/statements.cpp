// The SQL itself. ?1 is the node, save where a row is named by its id.
#include "reconciler/store/statements.hpp"

namespace genesis {
namespace {

// The columns that read_object() reads, in its order; allocations come along so that one statement is one snapshot.
std::string select_objects(std::string const& rest) {
    return "SELECT kind, name, generation, spec, source, paused, adopt, confirmed_generation, terminating, purge, "
           "observed_generation, conditions, created, changed, "
           "(SELECT json_group_object(slot, json_array(space, value, why, pool)) FROM allocations a WHERE a.node = "
           "o.node "
           "AND a.kind = o.kind AND a.name = o.name AND a.slot > '' AND a.released_at IS NULL), request FROM objects o "
           "WHERE node = ?1 " +
           rest;
}

std::string set_object(std::string const& what) {
    return "UPDATE objects SET " + what + " WHERE node = ?1 AND kind = ?2 AND name = ?3";
}

// An allocation that keeps the object ?kind/?name from its value: another's, or one that is kept back.
std::string blocks(std::string const& kind, std::string const& name, std::string const& now) {
    return "CASE WHEN released_at IS NULL THEN NOT (kind = " + kind + " AND name = " + name +
           ") ELSE quarantine IS NULL OR released_at + quarantine > " + now + " END";
}

std::string const free_again = "released_at IS NOT NULL AND quarantine IS NOT NULL AND released_at + quarantine <= ";
std::string const one_allocation = " WHERE node = ?1 AND space = ?2 AND value = ?3 AND sharer = ?4";
std::string const held_by = " WHERE node = ?1 AND kind = ?2 AND name = ?3 AND released_at IS NULL";

std::string select_history(std::string const& where) {
    return "SELECT id, at, object_kind, object_name, kind, key, verb, cause, changes, outcome, why, request FROM "
           "history "
           "WHERE node = ?1 AND id < ?2 " +
           where + " ORDER BY id DESC LIMIT ?3";
}

}  // namespace

Statements::Statements(SQLite::Database& db)
    : find_object(db, select_objects("AND kind = ?2 AND name = ?3")),
      stamp(db, "SELECT generation, source, created, purge FROM objects WHERE node = ?1 AND kind = ?2 AND name = ?3"),
      objects(db, select_objects("ORDER BY name, kind")),
      objects_of_kind(db, select_objects("AND kind = ?2 ORDER BY name")),
      list_objects(db, select_objects("AND kind = ?2 AND name > ?3 ORDER BY name LIMIT ?4")),
      insert_object(db,
                    "INSERT INTO objects (node, kind, name, generation, spec, source, created, changed, request) "
                    "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, ?8)"),
      update_object(db, set_object("generation = ?4, spec = ?5, source = ?6, changed = ?7, terminating = NULL, "
                                   "purge = 0, request = ?8")),
      set_source(db, set_object("source = ?4")),
      set_paused(db, set_object("paused = ?4")),
      set_adopt(db, set_object("adopt = ?4")),
      confirm(db, set_object("confirmed_generation = generation")),
      terminate(db, set_object("generation = ?4, terminating = ?5, purge = ?6, changed = ?7, request = ?8")),
      end_grace(db, set_object("purge = 1") + " AND generation = ?4 AND terminating IS NOT NULL AND paused = 0"),
      set_status(db, set_object("observed_generation = ?4, conditions = ?5") +
                         " AND (observed_generation <> ?4 OR conditions <> ?5)"),
      delete_object(db, "DELETE FROM objects WHERE node = ?1 AND kind = ?2 AND name = ?3"),
      insert_reference(db,
                       "INSERT OR IGNORE INTO object_references (node, from_kind, from_name, to_kind, to_name) "
                       "VALUES (?1, ?2, ?3, ?4, ?5)"),
      delete_references(db, "DELETE FROM object_references WHERE node = ?1 AND from_kind = ?2 AND from_name = ?3"),
      dependents(db,
                 "SELECT from_kind, from_name FROM object_references WHERE node = ?1 AND to_kind = ?2 AND "
                 "to_name = ?3 ORDER BY 1, 2"),
      dependent_specs(db,
                      "SELECT o.kind, o.name, o.spec FROM object_references r JOIN objects o ON o.node = r.node AND "
                      "o.kind = r.from_kind AND o.name = r.from_name WHERE r.node = ?1 AND r.to_kind = ?2 AND "
                      "r.to_name = ?3 AND o.terminating IS NULL ORDER BY 1, 2"),
      blocking(db,
               "SELECT kind, name, released_at FROM allocations WHERE node = ?1 AND space = ?2 AND value = ?3 AND "
               "(NOT ?4 OR sharer = '') AND " +
                   blocks("?5", "?6", "?7") + " LIMIT 1"),
      blocked_between(db,
                      "SELECT 1 FROM allocations WHERE node = ?1 AND space = ?2 AND value > ?3 AND value < ?4 AND " +
                          blocks("?5", "?6", "?7") + " LIMIT 1"),
      highest(db,
              "SELECT value FROM allocations WHERE node = ?1 AND space = ?2 AND value BETWEEN ?3 AND ?4 "
              "ORDER BY value DESC LIMIT 1"),
      loads(db,
            "SELECT value, count(nullif(sharer, '')), max(sharer = '') FROM allocations WHERE node = ?1 AND "
            "space = ?2 AND why = '' AND (released_at IS NULL OR quarantine IS NULL OR "
            "released_at + quarantine > ?3) GROUP BY value"),
      holdings_of(db, "SELECT space, value, slot, shared, pool, since, quarantine, why FROM allocations" + held_by),
      missing(db, "SELECT DISTINCT kind, name FROM allocations WHERE node = ?1 AND why <> '' ORDER BY 1, 2"),
      insert_allocation(db,
                        "INSERT INTO allocations (node, space, value, sharer, slot, kind, name, shared, pool, since, "
                        "quarantine, why) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"),
      delete_free_again(db, "DELETE FROM allocations" + one_allocation + " AND " + free_again + "?5"),
      release_allocation(db, "UPDATE allocations SET released_at = ?5" + one_allocation),
      delete_allocation(db, "DELETE FROM allocations" + one_allocation),
      delete_allocations(db, "DELETE FROM allocations" + held_by + " AND (quarantine = 0 OR why <> '')"),
      release_allocations(db, "UPDATE allocations SET released_at = ?4" + held_by),
      prune_allocations(db, "DELETE FROM allocations WHERE node = ?1 AND " + free_again + "?2"),
      insert_credential(db,
                        "INSERT OR REPLACE INTO credentials (node, kind, name, label, sealed) "
                        "VALUES (?1, ?2, ?3, ?4, ?5)"),
      credentials(db, "SELECT label, sealed FROM credentials WHERE node = ?1 AND kind = ?2 AND name = ?3"),
      delete_credentials(db, "DELETE FROM credentials WHERE node = ?1 AND kind = ?2 AND name = ?3"),
      records(db,
              "SELECT kind, key, object_kind, object_name, in_sync_value, refused_value, attempts, "
              "next_attempt, error, since FROM records WHERE node = ?1"),
      insert_record(db,
                    "INSERT OR IGNORE INTO records (node, kind, key, object_kind, object_name, since) "
                    "VALUES (?1, ?2, ?3, ?4, ?5, ?6)"),
      save_record(db,
                  "INSERT OR REPLACE INTO records (node, kind, key, object_kind, object_name, in_sync_value, "
                  "refused_value, attempts, next_attempt, error, since) "
                  "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"),
      delete_record(db, "DELETE FROM records WHERE node = ?1 AND kind = ?2 AND key = ?3"),
      insert_history(
          db,
          "INSERT INTO history (node, at, object_kind, object_name, kind, key, verb, cause, changes, request) "
          "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, coalesce((SELECT request FROM objects o WHERE "
          "o.node = ?1 AND o.kind = ?3 AND o.name = ?4), ''))"),
      set_outcome(db, "UPDATE history SET outcome = ?2, why = ?3 WHERE id = ?1"),
      interrupt(db, "UPDATE history SET outcome = 'interrupted' WHERE node = ?1 AND outcome = ''"),
      prune(db,
            "DELETE FROM history WHERE id <= (SELECT max(id) FROM history) - ?1 OR "
            "id < (SELECT min(id) FROM history WHERE at >= ?2)"),
      history(db, select_history("")),
      history_of(db, select_history("AND object_kind = ?4 AND object_name = ?5")),
      counter(db, "SELECT value FROM marks WHERE node = ?1 AND name = ?2"),
      set_counter(db, "INSERT OR REPLACE INTO marks (node, name, value) VALUES (?1, ?2, ?3)"),
      consume(db, "INSERT OR IGNORE INTO nonces (node, ts, kid, nonce) VALUES (?1, ?2, ?3, ?4)"),
      forget_nonces(db, "DELETE FROM nonces WHERE node = ?1 AND ts <= ?2"),
      insert_key(db,
                 "INSERT OR IGNORE INTO keys (node, kid, version, sealed, scopes, cidrs, comment, created, not_before, "
                 "expires) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"),
      keys(db,
           "SELECT kid, version, sealed, scopes, cidrs, comment, created, not_before, expires, revoked FROM keys "
           "WHERE node = ?1 ORDER BY kid, version"),
      expire_key(db,
                 "UPDATE keys SET expires = ?3 WHERE node = ?1 AND kid = ?2 AND revoked IS NULL AND "
                 "(expires IS NULL OR expires > ?3)"),
      revoke_key(db, "UPDATE keys SET revoked = ?3 WHERE node = ?1 AND kid = ?2 AND revoked IS NULL"),
      insert_audit(db,
                   "INSERT INTO audit (node, at, who, origin, request, action, kind, name, generation, changes) "
                   "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"),
      audit(db,
            "SELECT id, at, who, origin, request, action, kind, name, generation, changes FROM audit "
            "WHERE node = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3"),
      prune_audit(db, "DELETE FROM audit WHERE id <= ?1"),
      insert_event(db,
                   "INSERT INTO events (node, at, type, kind, name, generation, request, why) "
                   "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"),
      events(db,
             "SELECT seq, at, type, kind, name, generation, request, why FROM events WHERE node = ?1 AND seq > ?2 "
             "ORDER BY seq LIMIT ?3"),
      newest_event(db, "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'events'), 0)"),
      prune_events(db, "DELETE FROM events WHERE seq <= ?1") {}

}  // namespace genesis
