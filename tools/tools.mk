# The tools for programs that are there already: anc-watch runs them, anc-migrate reads them. The Makefile
# includes this.

TOOLS := $(addprefix $(BUILD)/,anc-watch libanc-watch.so anc-migrate)

# The preloaded checker. _FORTIFY_SOURCE would define some of what it takes over.
WATCH_SOURCES := $(wildcard tools/anc-watch/*.c)
$(BUILD)/libanc-watch.so: $(WATCH_SOURCES) tools/anc-watch/watch.h $(BUILD)/.flags
	$(CC) -std=c11 -O2 -Wall -Wextra -Werror $(CFLAGS) -U_FORTIFY_SOURCE -fPIC -fexceptions -fvisibility=hidden -shared \
		-static-libgcc -o $@ $(WATCH_SOURCES) -Wl,-z,defs -Wl,-z,now -Wl,-z,relro -Wl,-z,noexecstack $(LDFLAGS) -ldl -pthread

MIGRATE = $(DATADIR)/ancillary/anc-migrate

# Each knows where the rest of it is installed.
define place
	@mkdir -p $(BUILD)
	@sed $(1) $< > $@.new && chmod 755 $@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi
endef
$(BUILD)/anc-watch: tools/anc-watch/anc-watch.in Makefile FORCE
	$(call place,'s|@LIBDIR@|$(LIBDIR)|')
$(BUILD)/anc-migrate: tools/anc-migrate/anc-migrate Makefile FORCE
	$(call place,'s|^installed=.*|installed=$(MIGRATE)|')

.PHONY: install-tools
install-tools: all
	$(INSTALL) -d "$(DESTDIR)$(BINDIR)" "$(DESTDIR)$(LIBDIR)/ancillary" "$(DESTDIR)$(MANDIR)/man1" \
		"$(DESTDIR)$(MIGRATE)/report" "$(DESTDIR)$(MIGRATE)/rewrite"
	$(INSTALL) -m 755 $(BUILD)/anc-watch $(BUILD)/anc-migrate "$(DESTDIR)$(BINDIR)/"
	$(INSTALL) -m 755 $(BUILD)/libanc-watch.so "$(DESTDIR)$(LIBDIR)/ancillary/"
	$(INSTALL) -m 644 $(addprefix tools/anc-migrate/,anc_facts.py facts.cocci verdict.cocci macros.h) "$(DESTDIR)$(MIGRATE)/"
	$(INSTALL) -m 644 $(wildcard tools/anc-migrate/report/*.cocci) "$(DESTDIR)$(MIGRATE)/report/"
	$(INSTALL) -m 644 $(wildcard tools/anc-migrate/rewrite/*.cocci) "$(DESTDIR)$(MIGRATE)/rewrite/"
	$(INSTALL) -m 644 $(wildcard man/*.1) "$(DESTDIR)$(MANDIR)/man1/"

.PHONY: uninstall-tools
uninstall-tools:
	rm -f "$(DESTDIR)$(BINDIR)/anc-watch" "$(DESTDIR)$(BINDIR)/anc-migrate" "$(DESTDIR)$(LIBDIR)/ancillary/libanc-watch.so"
	rm -rf "$(DESTDIR)$(MIGRATE)"
	@rmdir "$(DESTDIR)$(LIBDIR)/ancillary" "$(DESTDIR)$(DATADIR)/ancillary" 2> /dev/null || true
	@if [ -d "$(DESTDIR)$(MANDIR)/man1" ]; then cd "$(DESTDIR)$(MANDIR)/man1" && rm -f $(notdir $(wildcard man/*.1)); fi
