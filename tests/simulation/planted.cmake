# Programs that play histories with an engine in which one bug is planted: one source file of it is compiled once more
# with some of its lines replaced. The linker prefers that object to the one in the library.
function(genesis_planted bug source)
  file(READ ${CMAKE_SOURCE_DIR}/${source} text)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${source})
  set(from 2)
  while(from LESS ARGC)
    math(EXPR to "${from} + 1")
    string(FIND "${text}" "${ARGV${from}}" at)
    if(at EQUAL -1)
      message(FATAL_ERROR "${source} no longer has what ${bug} replaces: ${ARGV${from}}")
    endif()
    string(REPLACE "${ARGV${from}}" "${ARGV${to}}" text "${text}")
    math(EXPR from "${from} + 2")
  endwhile()
  get_filename_component(name ${source} NAME)
  file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/planted/${bug}/${name} CONTENT "${text}" @ONLY)
  add_executable(planted_${bug} tests/simulation/main_planted.cpp tests/support/memory_driver.cpp
                                ${CMAKE_BINARY_DIR}/planted/${bug}/${name})
  target_link_libraries(planted_${bug} PRIVATE genesis_simulation genesis_engine)
  add_dependencies(genesis_tests planted_${bug})
endfunction()

# As it is: plays one history with all its events, or as many as one likes.
genesis_planted(nothing reconciler/run/passes.cpp)
# An observation is accepted though what is wanted has changed since it was asked for.
genesis_planted(old_observation reconciler/run/passes.cpp [[if (!run.asked) continue;]] [[continue;]])
# Who is woken while it is in flight is not looked at again.
genesis_planted(dropped_wake reconciler/run/reconciler.cpp
                [[    pending_.insert(object);
    woken_last_ = clock_.steady();]] [[    if (in_flight_.contains(object)) return;
    pending_.insert(object);
    woken_last_ = clock_.steady();]])
genesis_planted(not_released reconciler/run/passes.cpp [[in_flight_.erase(object);]] [[]])
genesis_planted(progress_is_failure reconciler/run/outcomes.cpp
                [[if (outcome.how == Outcome::in_progress) {]] [[if (false) {]])
# The spec in one transaction, what it claims in another.
genesis_planted(allocation_apart reconciler/store/sqlite_put.cpp
  [[SqliteAllocations(db_.sql(), db_.node()).write(decision, db_.clock().now());
    }
    write_references]]
  [[}
    write_references]]
  [[    return db_.run([&] { return put_now(request, ready.get()); });]]
  [[    auto const written = db_.run([&] { return put_now(request, ready.get()); });
    if (written) db_.run([&] {
        auto const& ref = request.ref;
        auto const decision = decide(ref, claims_of(ref, find_in(db_.sql(), ref)->spec), true);
        SqliteAllocations(db_.sql(), db_.node()).write(decision, db_.clock().now());
    });
    return written;]])
# Who is in flight is taken by another pass.
genesis_planted(taken_twice reconciler/run/reconciler.cpp
                [[in_flight_.contains(ref) && (everything || !leave_full_look(ref));]] [[false;]])
# Who shares what no longer wakes the node.
genesis_planted(node_asleep reconciler/run/reconciler.cpp
                [[if (desired_.take_node_change()) wake(desired_.node(), false);]] [[(void)desired_.take_node_change();]])
