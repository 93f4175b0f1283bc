#include "injector/base/written_address.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>

#include "injector/base/rtnetlink.h"

namespace faultline {
namespace {

using Number = unsigned __int128;

struct Mistake {
  std::string error, hint;
};

constexpr std::string_view kBlanks = " \t\r\n";

std::string stripped(const std::string& text) {
  std::string out = text;
  std::erase_if(out, [](char c) { return kBlanks.find(c) != std::string_view::npos; });
  return out;
}

bool has_blanks(const std::string& text) { return text.find_first_of(kBlanks) != std::string::npos; }

bool is_one_address(const std::string& text) { return text.find('/') == std::string::npos && IpPrefix::parse(text); }

/// As RFC 1123 has it, and underscores, which some names have.
bool is_host_name(const std::string& text) {
  if (text.empty() || text.size() > 253) return false;
  std::size_t label = 0;
  for (const char c : text) {
    const bool good =
        (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
    if (c == '.' ? label == 0 : !good || ++label > 63) return false;
    if (c == '.') label = 0;
  }
  return true;
}

/// No name ends in a number: what does is an address written in some way that C libraries read, each its own.
bool ends_in_a_number(std::string text) {
  if (text.ends_with('.')) text.pop_back();
  std::string last = text.substr(text.rfind('.') + 1);
  if (last.starts_with("0x") || last.starts_with("0X"))
    return last.find_first_not_of("0123456789abcdefABCDEF", 2) == std::string::npos;
  return !last.empty() && last.find_first_not_of("0123456789") == std::string::npos;
}

bool looks_like_an_address(const std::string& text) {
  if (text.find_first_of(":/%[]") != std::string::npos || ends_in_a_number(text)) return true;
  const auto dash = text.find('-');
  return dash != std::string::npos && text.find('.') != std::string::npos &&
         text.find_first_not_of("0123456789.-") == std::string::npos;
}

Number number(const IpPrefix& address) {
  Number out = 0;
  for (std::size_t i = 0; i < (address.v6 ? 16u : 4u); i++) out = out << 8 | address.bytes[i];
  return out;
}

IpPrefix prefix_of(Number first, int length, bool v6) {
  IpPrefix prefix;
  prefix.v6 = v6;
  prefix.length = length;
  for (std::size_t i = v6 ? 16 : 4; i-- > 0; first >>= 8) prefix.bytes[i] = static_cast<std::uint8_t>(first);
  return prefix;
}

/// The least number of prefixes that hold `first` to `last` and nothing else.
std::vector<std::string> prefixes_of(Number first, const Number last, const bool v6) {
  const int bits = v6 ? 128 : 32;
  std::vector<std::string> all;
  while (true) {
    int free = 0;  // bits behind the prefix: as many as are zero in `first`, and as the rest of the range holds
    while (free < bits && (first >> free & 1) == 0) {
      const Number past = free + 1 >= 128 ? ~Number{0} : (Number{1} << (free + 1)) - 1;
      if (past > last - first) break;
      free++;
    }
    const IpPrefix prefix = prefix_of(first, bits - free, v6);
    all.push_back(free == 0 ? prefix.address_text() : prefix.text());
    const Number step = free >= 128 ? ~Number{0} : (Number{1} << free) - 1;
    if (step >= last - first) return all;
    first += step + 1;
  }
}

/// Length of a netmask; -1: it is none.
int length_of_mask(const std::string& text) {
  const auto mask = IpPrefix::parse(text);
  if (!mask || mask->v6 || text.find('/') != std::string::npos) return -1;
  const auto bits = static_cast<std::uint32_t>(number(*mask));
  const int ones = std::countl_one(bits);
  return ones == std::popcount(bits) ? ones : -1;
}

std::string without_leading_zeros(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); i++) {
    const bool begins = i == 0 || text[i - 1] == '.';
    std::size_t zeros = 0;
    while (begins && i + zeros + 1 < text.size() && text[i + zeros] == '0' && text[i + zeros + 1] >= '0' &&
           text[i + zeros + 1] <= '9')
      zeros++;
    i += zeros;
    out += text[i];
  }
  return out;
}

/// Why a text is no address, as "it …", and what to write instead. `who` is asked, else traffic is with it.
Mistake mistake_in(const std::string& text, bool who) {
  const std::string example = who ? "write an address or a name: \"10.0.3.7\", \"bank.internal\""
                                  : "write an address, a prefix, a range or a host's name: \"10.0.3.7\", "
                                    "\"10.0.3.0/24\", \"10.0.3.1-10.0.3.20\", \"fd00::/64\", \"bank.internal\"";
  if (text.empty()) return {"it is empty", example};
  if (has_blanks(text)) {
    const std::string bare = stripped(text);
    return {"it has blanks in it", IpPrefix::parse(bare) ? fmt::format("write \"{}\"", bare) : example};
  }
  if (text.find("://") != std::string::npos)
    return {"it is a URL", "write the host alone; a port has a key of its own"};
  if (const auto zone = text.find('%'); zone != std::string::npos)
    return {"it has a zone, and what is on the wire has none",
            fmt::format("write \"{}\"; for one device alone, put the fault on a target with interface = \"{}\"",
                        text.substr(0, zone), text.substr(zone + 1))};
  if (text.front() == '[') {
    const auto end = text.find(']');
    const std::string inside = text.substr(1, end == std::string::npos ? end : end - 1);
    const std::string rest = end == std::string::npos ? "" : text.substr(end + 1);
    return {"it has brackets; those belong in a URL, or in front of a port",
            rest.starts_with(":") && !who ? fmt::format("write \"{}\", and port = {}", inside, rest.substr(1))
                                          : fmt::format("write \"{}\"", inside)};
  }
  const auto colon = text.find(':'), slash = text.find('/'), dash = text.find('-');
  const std::string head = text.substr(0, colon);
  if (colon != std::string::npos && colon == text.rfind(':') && (is_one_address(head) || is_host_name(head)))
    return {"it has a port behind it",
            who ? "a port is a number from 1 to 65535"
                : fmt::format("write \"{}\", and the port for itself: port = {}", head, text.substr(colon + 1))};
  if (slash != std::string::npos) {
    const std::string before = text.substr(0, slash);
    const auto address = IpPrefix::parse(before);
    if (address && who) return {"it is a prefix, and one address is asked", fmt::format("write \"{}\"", before)};
    if (const int length = length_of_mask(text.substr(slash + 1)); address && length >= 0)
      return {"it has a netmask", fmt::format("write \"{}/{}\"", before, length)};
    if (address && !address->v6 && before.find(':') != std::string::npos)
      return {"it holds more than IPv4 within IPv6", "lengths are from 96 to 128 there; better write the IPv4 prefix"};
    if (address)
      return {"it has no prefix length behind its slash",
              fmt::format("a number from 0 to {}: \"{}/{}\"", address->v6 ? 128 : 32, before, address->v6 ? 64 : 24)};
  }
  if (dash != std::string::npos) {
    const auto first = IpPrefix::parse(text.substr(0, dash)), last = IpPrefix::parse(text.substr(dash + 1));
    if (first && who) return {"it is a range, and one address is asked", example};
    if (first && last && first->v6 == last->v6 && number(*last) < number(*first))
      return {"it is a range that ends before it begins",
              fmt::format("write \"{}-{}\"", text.substr(dash + 1), text.substr(0, dash))};
    if (first)
      return {"this is not a range of addresses",
              "write its first and last address, both whole: \"10.0.3.1-10.0.3.20\""};
  }
  if (text.find('*') != std::string::npos) return {"it has a wildcard", "write a prefix, such as \"10.0.3.0/24\""};
  if (const std::string decimal = without_leading_zeros(text); decimal != text && IpPrefix::parse(decimal))
    return {"it has zeros in front, which some programs read as octal", fmt::format("write \"{}\"", decimal)};
  if (text.ends_with('.') && IpPrefix::parse(text.substr(0, text.size() - 1)))
    return {"it has a dot behind it", fmt::format("write \"{}\"", text.substr(0, text.size() - 1))};
  return {"", example};
}

/// A range's two ends; empty when it is none.
std::optional<std::pair<IpPrefix, IpPrefix>> read_range(const std::string& text) {
  const auto dash = text.find('-');
  if (dash == std::string::npos || !is_one_address(text.substr(0, dash)) || !is_one_address(text.substr(dash + 1)))
    return std::nullopt;
  const auto first = *IpPrefix::parse(text.substr(0, dash)), last = *IpPrefix::parse(text.substr(dash + 1));
  if (first.v6 != last.v6 || number(last) < number(first)) return std::nullopt;
  return std::pair{first, last};
}

template <class T>
Read<T> refused(const std::string& text, std::string_view what, Mistake mistake) {
  return {std::nullopt,
          fmt::format("\"{}\" is not {}{}{}", text, what, mistake.error.empty() ? "" : ": ", mistake.error),
          std::move(mistake.hint)};
}

}  // namespace

Read<std::vector<std::string>> read_addresses(const std::string& text) {
  using All = std::vector<std::string>;
  if (const auto prefix = IpPrefix::parse(text))
    return {All{text.find('/') == std::string::npos ? prefix->address_text() : prefix->network().text()}, {}, {}};
  if (const auto range = read_range(text))
    return {prefixes_of(number(range->first), number(range->second), range->first.v6), {}, {}};
  if (!looks_like_an_address(text) && is_host_name(text)) return {All{text}, {}, {}};
  return refused<All>(text, "an IP address, a prefix or a host's name", mistake_in(text, false));
}

Read<std::string> read_asked(const std::string& text, std::string_view what) {
  if (text.find('/') == std::string::npos) {
    if (const auto address = IpPrefix::parse(text)) {
      const bool link_local = address->v6 && IpPrefix::parse("fe80::/10")->covers(*address);
      if (link_local)
        return refused<std::string>(
            text, what, {"it is link-local, and on every link", fmt::format("name its device: \"{}%eth0\"", text)});
      return {address->address_text(), {}, {}};
    }
  }
  if (const auto zone = text.find('%'); zone != std::string::npos) {
    const auto address = IpPrefix::parse(text.substr(0, zone));
    const std::string device = text.substr(zone + 1);
    if (address && address->v6 && is_one_address(text.substr(0, zone)) && !device.empty() && device.size() <= 15 &&
        device.find_first_of("/%: \t\r\n[]") == std::string::npos)
      return {text, {}, {}};
    return refused<std::string>(
        text, what, {"the part behind % is not a zone", "a zone is a device behind an IPv6 address: \"fe80::1%eth0\""});
  }
  if (text.empty() || looks_like_an_address(text) || has_blanks(text))
    return refused<std::string>(text, what, mistake_in(text, true));
  return {text, {}, {}};
}

}  // namespace faultline
