#include "injector/screen/display.h"

#include <sys/ioctl.h>

#include <cstdlib>
#include <optional>
#include <string_view>

#include "injector/base/clock.h"
#include "injector/base/text.h"
#include "injector/base/thread_safety.h"
#include "injector/plan/values.h"
#include "injector/screen/live_view.h"
#include "injector/screen/locale.h"
#include "injector/screen/output.h"
#include "injector/screen/plain_view.h"
#include "injector/screen/row.h"

namespace faultline::screen {
namespace {

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

}  // namespace

struct Display::Impl {
  Impl(const plan::Plan& plan, int descriptor, bool be_quiet)
      : fd(descriptor),
        quiet(be_quiet),
        live(!be_quiet && ::isatty(descriptor) && environment("TERM") != "dumb"),
        output(descriptor),
        watch(plan),
        plain(watch) {
    look.color = live && environment("NO_COLOR").empty();
    look.utf8 = locale_is_utf8();
  }

  const int fd;
  const bool quiet, live;
  Look look;
  Output output;  // the run's loop alone writes
  bool cursor_hidden = false;
  bool ended = false;
  std::vector<Visible> drawn;  // rows on the screen, which the next frame replaces

  Mutex mutex;  // of everything below: probes and other threads come in here
  std::optional<Ns> epoch FAULTLINE_GUARDED_BY(mutex);
  std::string preparing FAULTLINE_GUARDED_BY(mutex);  // the step under way, on a terminal
  // When the last frame was drawn, since T0: the final frame stands still.
  Ns shown FAULTLINE_GUARDED_BY(mutex) = 0;
  Watch watch FAULTLINE_GUARDED_BY(mutex);
  PlainView plain FAULTLINE_GUARDED_BY(mutex);
  std::vector<std::string> notes FAULTLINE_GUARDED_BY(mutex);

  std::optional<Ns> stopped FAULTLINE_GUARDED_BY(mutex);  // since T0
  Ns now() const FAULTLINE_REQUIRES(mutex) { return stopped ? *stopped : epoch ? monotonic_now() - *epoch : 0; }

  void measure() {
    winsize size{};
    const bool known = ::ioctl(fd, TIOCGWINSZ, &size) == 0;
    look.width = known && size.ws_col > 0 ? size.ws_col : 80;
    look.height = known && size.ws_row > 0 ? size.ws_row : 24;
  }

  /// Moves to where the last frame began, and clears from there. After a resize its rows may take several lines each.
  Visible erase() {
    int lines = 0;
    for (const auto& row : drawn) {
      const int width = shown_columns(row.bytes());
      lines += width <= look.width ? 1 : (width + look.width - 1) / look.width;
    }
    drawn.clear();
    return lines == 0 ? Visible() : Visible::up(lines) + Visible::sequence("\r\x1b[J");
  }

  static int shown_columns(const std::string& row) {
    std::string bare;
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (row[i] == '\x1b')
        while (i < row.size() && row[i] != 'm') ++i;
      else
        bare += row[i];
    }
    return columns(bare);
  }

  std::vector<std::string> take_notes() FAULTLINE_REQUIRES(mutex) {
    std::vector<std::string> taken;
    taken.swap(notes);
    return taken;
  }

  void line(Visible& out, const std::string& text) const { out += for_locale(clipped(text), look.utf8) + "\n"; }

  void draw(bool final) {
    if (quiet) return;
    output.pump(0);
    if (live && !output.idle() && !final) return;  // the terminal does not keep up: leave this frame out
    measure();
    Visible out;
    std::vector<Visible> rows;
    {
      const MutexLock lock(mutex);
      for (const auto& note : take_notes()) line(out, (epoch ? PlainView::clock_label(now()) : "") + note);
      if (live && epoch) {
        if (!final) shown = now();
        rows = live_view(watch, shown, look, final);
      } else if (live && !final && !preparing.empty()) {
        rows.push_back(Row(look).add(for_locale(clipped(preparing, look.width - 1), look.utf8)).text());
      }
      if (epoch && !live && !ended)
        for (const auto& text : plain.lines(now(), final)) line(out, text);
    }
    if (live) {
      const Visible above = out;
      out = erase() + above;
      if (!rows.empty() && !cursor_hidden) {
        out += Visible::sequence("\x1b[?25l");
        cursor_hidden = true;
      }
      for (const auto& row : rows) out += row + "\n";
      drawn = std::move(rows);
    }
    if (!out.empty()) output.put(out);
  }

  void finish() {
    if (ended) return;
    draw(true);
    ended = true;
    if (cursor_hidden) output.put(Visible::sequence("\x1b[?25h"));
    cursor_hidden = false;
    drawn.clear();
    output.pump(500);
  }
};

Display::Display(const plan::Plan& plan, int fd, bool quiet) : impl_(std::make_unique<Impl>(plan, fd, quiet)) {}

Display::~Display() {
  try {
    impl_->finish();
  } catch (...) {  // out of memory at worst: the terminal is the least of the troubles then
  }
}

void Display::step(const std::string& what) {
  if (impl_->live) {
    const MutexLock lock(impl_->mutex);
    impl_->preparing = what;
  } else {
    note(what);
  }
  impl_->draw(false);
}

void Display::begin(Ns epoch) {
  {
    const MutexLock lock(impl_->mutex);
    impl_->epoch = epoch;
    if (!impl_->live)
      impl_->notes.push_back(impl_->watch.title + " (" + plan::format_duration(impl_->watch.duration) + ")");
  }
  impl_->draw(false);
}

void Display::set_epoch(Ns epoch) {
  const MutexLock lock(impl_->mutex);
  impl_->epoch = epoch;
}

void Display::stop_clock() {
  const MutexLock lock(impl_->mutex);
  impl_->stopped = impl_->now();
}

void Display::typed_line() {
  if (impl_->live) impl_->drawn.emplace_back();
}

void Display::sample(const probe::Sample& sample) {
  if (impl_->quiet) return;
  const MutexLock lock(impl_->mutex);
  impl_->watch.add(sample, impl_->now());
}

void Display::counted(const record::events::Telemetry& span) {
  if (!impl_->live) return;
  const MutexLock lock(impl_->mutex);
  impl_->watch.add(span);
}

void Display::set_guards(const std::function<std::vector<std::string>()>& standings) {
  if (!impl_->live) return;
  const auto all = standings();
  const MutexLock lock(impl_->mutex);
  auto& guards = impl_->watch.guards;
  for (std::size_t i = 0; i < guards.size() && i < all.size(); i++) guards[i].standing = all[i];
}

void Display::note(const std::string& what) {
  if (impl_->quiet) return;
  const MutexLock lock(impl_->mutex);
  impl_->notes.push_back(what);
}

void Display::tick() { impl_->draw(false); }
void Display::end() { impl_->finish(); }

}  // namespace faultline::screen
