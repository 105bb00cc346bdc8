// Reads and writes HTTP/1.1 messages. What two implementations could read in two ways is refused.
#pragma once
#include "reconciler/api/routes/dispatch.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace genesis {

inline constexpr std::size_t header_limit = 8192;  // bytes of a head, from the method to the empty line
inline constexpr std::size_t body_limit = 1048576;

// Finds the end of a head while it is received. Stricter than RFC 9112: only CR LF ends a
// line, nothing is folded, and no byte is a control character (but a tab in a value) or beyond ASCII.
class HeadScan {
public:
    enum Found { more, whole, too_long, malformed };
    // `bytes`: everything received of this request so far; each byte is scanned once.
    Found look(std::string_view bytes);
    [[nodiscard]] std::size_t size() const { return at_; }  // of the head, once it is complete

private:
    Found step(char c);
    std::size_t at_ = 0;
    enum { line_start, in_line, after_cr, after_cr_of_empty } state_ = line_start;
};

struct Head {
    Request request{};       // without body and id
    std::size_t length = 0;  // of the body that follows
    bool keep_alive = false;
    bool expects_continue = false;  // the client waits for "100 Continue"
};
// `bytes`: a complete head. Fills `head`; a problem is 400, 411, 413 or 417, and `head` then holds what could be read.
std::optional<Answer> read_head(std::string_view bytes, Head& head);

// The whole answer in one string: one write, and one TLS record when it is short. Without a body for HEAD.
std::string write_answer(DispatchResult const& result, Request const& request, bool keep_alive);
// The head of an event stream, which ends with the connection. Its signature covers the status and an empty body.
std::string write_stream_head(DispatchResult const& result, Request const& request);

}  // namespace genesis
