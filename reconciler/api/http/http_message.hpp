// One HTTP/1.1 message from and to plain values: what two readers could read in two ways is refused.
#pragma once
#include "reconciler/api/routes/routes.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace genesis {

inline constexpr std::size_t header_limit = 8192;  // bytes of a head, from the method to the empty line
inline constexpr std::size_t body_limit = 1048576;

// Looks for the end of a head while it comes in, byte by byte if need be. Stricter than RFC 9112: only CR LF ends a
// line, nothing is folded, and no byte is a control character (but a tab in a value) or beyond ASCII.
class HeadScan {
public:
    enum Found { more, whole, too_long, malformed };
    // `bytes`: all that has come of this request so far; each byte is looked at once.
    Found look(std::string_view bytes);
    [[nodiscard]] std::size_t size() const { return at_; }  // of the head, once it is whole

private:
    Found step(char c);
    std::size_t at_ = 0;
    enum { line_start, in_line, after_cr, after_cr_of_empty } state_ = line_start;
};

struct Head {
    Request request{};       // without body and id
    std::size_t length = 0;  // of the body that follows
    bool keep_alive = false;
    bool expects_continue = false;  // waits for "100 Continue" before it sends its body
};
// `bytes`: a whole head. Fills `head`, or says what is wrong: 400, 411, 413, 417. `head` then holds what could be told.
std::optional<Answer> read_head(std::string_view bytes, Head& head);

// The answer as it is sent, in one piece: one write, and one TLS record when it is short. To HEAD without a body.
std::string write_answer(DispatchResult const& result, Request const& request, bool keep_alive);
// The head alone of an answer whose body, a stream of events, goes on until the connection is closed. Its signature
// covers the status and an empty body.
std::string write_stream_head(DispatchResult const& result, Request const& request);

}  // namespace genesis
