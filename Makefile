# make            the shared and the static library, in build/
# make demo       a broker and a worker, two processes, linked against them
# make check      every test          make must-fail  the gates, each against a planted defect
# make install    PREFIX, LIBDIR, DESTDIR                make bench      costs beside hand-written C
# make header     include/ancillary.h anew, from src/    make fuzz       SECONDS=3600
# make facts      what this kernel does with ancillary data
# make html       the manual, in build/html               make dist       the source archive, in build/dist
# make check-abi  against abi/, part of check; ANC_BLESS=1 takes what changed
# make check-debian   Debian's packages, from debian/; not part of check
# make check-kernels                                     the C tests on older and newer kernels, in virtual machines
# make check-platforms   what can be proved of other systems from here

PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR ?= $(PREFIX)/share/man
BINDIR ?= $(PREFIX)/bin
DATADIR ?= $(PREFIX)/share
PKGCONFIGDIR ?= $(LIBDIR)/pkgconfig
CMAKEDIR ?= $(LIBDIR)/cmake/ancillary
BUILD ?= build

CC ?= cc
LD ?= ld
OBJCOPY ?= objcopy
CARGO ?= cargo
INSTALL ?= install
ifeq ($(origin AR),default)
AR := ar
endif
ifeq ($(origin LD),default)
LD := ld
endif

# What other systems, and older kernels, lack, taken away to test what replaces it: cmsg_cloexec nosignal
# close_range pidfd_info passrights.
WITHOUT ?=
# abort: for a compiler that can't prove panic freedom.
ANC_PANIC ?= prove

VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
SOVERSION := $(firstword $(subst ., ,$(VERSION)))
SO := libancillary.so.$(VERSION)
SONAME := libancillary.so.$(SOVERSION)
MAP := abi/libancillary.map
EXPORTS := $(shell sed -n 's/^[[:space:]]*\(anc_[a-z0-9_]*\);/\1/p' $(MAP))
ROOTS := $(addprefix -u ,$(EXPORTS))
comma := ,
CMAKE_PACKAGE := ancillaryConfig.cmake ancillaryConfigVersion.cmake
LIBRARIES := $(BUILD)/$(SO) $(BUILD)/libancillary.a
RUST_SOURCES := $(shell find src -name '*.rs') Cargo.toml Cargo.lock build.rs
TARGET_DIR := $(abspath $(BUILD))/cargo

RUSTC_ARGS := -C force-unwind-tables=yes --remap-path-prefix=$(CURDIR)=. \
	$(foreach lack,$(WITHOUT),--cfg 'anc_without="$(lack)"') $(if $(filter abort,$(ANC_PANIC)),--cfg 'anc_panic="abort"')

# A half-made library is none.
.DELETE_ON_ERROR:

ifneq ($(filter-out /%,$(PREFIX) $(LIBDIR) $(INCLUDEDIR) $(MANDIR) $(BINDIR) $(DATADIR) $(PKGCONFIGDIR) $(CMAKEDIR)),)
$(error PREFIX, LIBDIR, INCLUDEDIR, MANDIR, BINDIR, DATADIR, PKGCONFIGDIR and CMAKEDIR must be absolute)
endif

include tools/tools.mk

.PHONY: all
.DEFAULT_GOAL := all
all: $(LIBRARIES) $(addprefix $(BUILD)/,ancillary.pc ancillary-uninstalled.pc $(CMAKE_PACKAGE)) $(TOOLS)

# The Rust half as one archive. Its panic handler calls a function that nobody defines, so that the
# links below fail if a panic can be reached.
RUST_ARCHIVE := $(TARGET_DIR)/release/libancillary.a
$(RUST_ARCHIVE): $(RUST_SOURCES) $(BUILD)/.flags
	@$(if $(filter abort,$(ANC_PANIC)),echo 'warning: ANC_PANIC=abort: panic freedom is not proved')
	@rm -f $@
	+env -u CARGO_BUILD_TARGET CARGO_TARGET_DIR=$(TARGET_DIR) $(CARGO) rustc --quiet --locked --package ancillary --lib --release \
		--no-default-features --features capi --crate-type staticlib -- $(RUSTC_ARGS)
	@test -s $@ && touch $@

# What the library was made with: a change makes it anew.
FLAGS := $(subst ',,$(CC) $(CFLAGS) $(LDFLAGS) $(RUSTFLAGS) $(RUSTC_ARGS))
$(BUILD)/.flags: FORCE
	@mkdir -p $(BUILD)
	@echo '$(FLAGS)' | cmp -s - $@ || echo '$(FLAGS)' > $@
.PHONY: FORCE

$(BUILD)/$(SO): $(RUST_ARCHIVE) $(MAP) Makefile
	$(CC) $(CFLAGS) -shared -nostartfiles -o $@ $(addprefix -Wl$(comma)-u$(comma),$(EXPORTS)) $(RUST_ARCHIVE) \
		-Wl,-soname,$(SONAME) -Wl,--version-script,$(MAP) -Wl,--gc-sections -Wl,-z,defs -Wl,-z,now -Wl,-z,relro \
		-Wl,-z,noexecstack -Wl,--build-id $(LDFLAGS)
	$(OBJCOPY) --strip-unneeded $@
	@ln -sf $(SO) $(BUILD)/$(SONAME)
	@ln -sf $(SONAME) $(BUILD)/libancillary.so

# One object with the exported names alone: Rust's own would collide with those of any other Rust
# archive that a program links.
$(BUILD)/libancillary.a: $(RUST_ARCHIVE) $(MAP) Makefile
	$(LD) -r --gc-sections -o $(BUILD)/ancillary.o $(ROOTS) $(RUST_ARCHIVE)
	@printf '%s\n' $(EXPORTS) > $(BUILD)/exports
	$(OBJCOPY) --keep-global-symbols=$(BUILD)/exports --strip-unneeded -R .llvmbc -R .llvmcmd -R .comment $(BUILD)/ancillary.o
	@rm -f $@
	$(AR) rcsD $@ $(BUILD)/ancillary.o

# What lies below the prefix is named by it, so that a package that was moved is found where it is.
within = $(patsubst $(PREFIX)/%,$(1)/%,$(2))
empty :=
UP := $(if $(filter $(PREFIX)/%,$(CMAKEDIR)),$(subst $(empty) ,/,$(foreach part,$(subst /, ,$(CMAKEDIR:$(PREFIX)/%=%)),..)))
pc_prefix := $${prefix}
cmake_prefix := $(if $(UP),$${_ancillary_prefix},$(PREFIX))

# A file from its template: what, template, the prefix as the file's language names it.
define fill
	@mkdir -p $(BUILD)
	@sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(call within,$(2),$(LIBDIR))|' -e 's|@INCLUDEDIR@|$(call within,$(2),$(INCLUDEDIR))|' \
		-e 's|@VERSION@|$(VERSION)|' -e 's|@SONAME@|$(SONAME)|' -e 's|@SOVERSION@|$(SOVERSION)|' -e 's|@UP@|$(UP)|' \
		-e 's|@BUILD@|$(abspath $(BUILD))|' -e 's|@SOURCE@|$(CURDIR)|' \
		-e "s|@POINTER@|$$($(CC) $(CFLAGS) -dM -E -x c /dev/null | sed -n 's/.*__SIZEOF_POINTER__ //p')|" $(1) > $@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi
endef
$(BUILD)/%.pc: pkgconfig/%.pc.in Cargo.toml Makefile FORCE
	$(call fill,$<,$(pc_prefix))
$(BUILD)/%.cmake: cmake/%.cmake.in Cargo.toml Makefile FORCE
	$(call fill,$<,$(cmake_prefix))

.PHONY: header
header:
	CARGO_TARGET_DIR=$(TARGET_DIR) $(CARGO) build --quiet --package ancillary --features header

HEADERS := include/ancillary.h include/ancillary.hpp include/ancillary-compat.h
MANUAL := $(wildcard man/*.3 man/*.7)

.PHONY: install
install: all install-tools
	$(INSTALL) -d "$(DESTDIR)$(LIBDIR)" "$(DESTDIR)$(INCLUDEDIR)" "$(DESTDIR)$(PKGCONFIGDIR)" "$(DESTDIR)$(CMAKEDIR)" \
		"$(DESTDIR)$(MANDIR)/man3" "$(DESTDIR)$(MANDIR)/man7"
	$(INSTALL) -m 755 $(BUILD)/$(SO) "$(DESTDIR)$(LIBDIR)/"
	ln -sf $(SO) "$(DESTDIR)$(LIBDIR)/$(SONAME)"
	ln -sf $(SONAME) "$(DESTDIR)$(LIBDIR)/libancillary.so"
	$(INSTALL) -m 644 $(BUILD)/libancillary.a "$(DESTDIR)$(LIBDIR)/"
	$(INSTALL) -m 644 $(HEADERS) "$(DESTDIR)$(INCLUDEDIR)/"
	$(INSTALL) -m 644 $(BUILD)/ancillary.pc "$(DESTDIR)$(PKGCONFIGDIR)/"
	$(INSTALL) -m 644 $(addprefix $(BUILD)/,$(CMAKE_PACKAGE)) "$(DESTDIR)$(CMAKEDIR)/"
	$(INSTALL) -m 644 $(filter %.3,$(MANUAL)) "$(DESTDIR)$(MANDIR)/man3/"
	$(INSTALL) -m 644 $(filter %.7,$(MANUAL)) "$(DESTDIR)$(MANDIR)/man7/"

.PHONY: uninstall
uninstall: uninstall-tools
	@if [ -d "$(DESTDIR)$(LIBDIR)" ]; then cd "$(DESTDIR)$(LIBDIR)" && rm -f $(SO) $(SONAME) libancillary.so libancillary.a; fi
	@if [ -d "$(DESTDIR)$(INCLUDEDIR)" ]; then cd "$(DESTDIR)$(INCLUDEDIR)" && rm -f $(notdir $(HEADERS)); fi
	rm -f "$(DESTDIR)$(PKGCONFIGDIR)/ancillary.pc"
	@if [ -d "$(DESTDIR)$(CMAKEDIR)" ]; then (cd "$(DESTDIR)$(CMAKEDIR)" && rm -f $(CMAKE_PACKAGE)) && rmdir "$(DESTDIR)$(CMAKEDIR)"; fi
	@if [ -d "$(DESTDIR)$(MANDIR)/man3" ]; then cd "$(DESTDIR)$(MANDIR)/man3" && rm -f $(notdir $(filter %.3,$(MANUAL))); fi
	@if [ -d "$(DESTDIR)$(MANDIR)/man7" ]; then cd "$(DESTDIR)$(MANDIR)/man7" && rm -f $(notdir $(filter %.7,$(MANUAL))); fi

# A staged install, for the tests to link against through pkg-config.
STAGE := $(abspath $(BUILD))/stage
STATIC_STAGE := $(abspath $(BUILD))/stage-static
$(STAGE)/.done: all include/ancillary.h FORCE
	@$(MAKE) --no-print-directory install PREFIX=$(STAGE) DESTDIR= > /dev/null
	@$(MAKE) --no-print-directory install PREFIX=$(STATIC_STAGE) DESTDIR= > /dev/null
	@rm -f $(STATIC_STAGE)/lib/*.so*
	@touch $@

.PHONY: demo
demo: $(STAGE)/.done
	@sh examples/demo.sh $(STAGE) $(BUILD)/examples

.PHONY: bench
bench: $(STAGE)/.done
	@sh benches/bench.sh $(STAGE) $(BUILD)/bench

CHECKS := header gates abi rust msrv systems declarations manual installed tests watch tests-static cplusplus compat must-fail sanitized valgrind fallbacks facts fuzz demo examples migrate dist
# A source archive (`make dist`) has no crates for tests.
ifeq ($(wildcard c-tests/Cargo.toml),)
LEFT_OUT := header rust msrv systems declarations must-fail fuzz dist
CHECKS := $(filter-out $(LEFT_OUT),$(CHECKS))
endif
.PHONY: check check-platforms $(addprefix check-,$(CHECKS))
check: $(addprefix check-,$(CHECKS))
	@echo 'every check has passed: $(CHECKS)$(if $(LEFT_OUT),; not in a source archive: $(LEFT_OUT))'
# What an edit wants to know at once; the other checks are the same tests in other ways, and rarer ones.
QUICK := $(filter header gates abi rust declarations manual installed tests,$(CHECKS))
.PHONY: check-quick
check-quick: $(addprefix check-,$(QUICK))

check-header:
	@sh c-tests/header.sh $(BUILD)/header
check-gates: all
	@sh c-tests/gates.sh $(BUILD)
# The crate with what it has and without, its tests and documentation's examples, and programs that use it.
RUST := CARGO_TARGET_DIR=$(TARGET_DIR) $(CARGO)
check-rust:
	@$(RUST) build --quiet --locked
	@sh c-tests/cdylib.sh $(TARGET_DIR)/debug
	@$(RUST) build --quiet --locked --package ancillary --no-default-features
	@$(RUST) build --quiet --locked --package ancillary --examples --features tokio
	@$(RUST) test --quiet --locked --package ancillary --features capi,tokio
	@$(RUST) run --quiet --locked --package ancillary --example broker > /dev/null
	@$(RUST) run --quiet --locked --package ancillary --example async-server --features tokio > /dev/null
	@RUSTDOCFLAGS='-D warnings' $(RUST) doc --quiet --locked --package ancillary --no-deps --features tokio
	@$(RUST) package --quiet --locked --package ancillary --allow-dirty --list > /dev/null
	@if $(CARGO) fmt --version > /dev/null 2>&1; then $(CARGO) fmt --check; else echo 'skipped: this machine has no rustfmt'; fi
	@if $(CARGO) clippy --version > /dev/null 2>&1; then \
		$(RUST) clippy --quiet --locked --package ancillary --all-targets --features capi,tokio -- -D warnings && \
		$(RUST) clippy --quiet --locked --package ancillary -- -D warnings && \
		$(RUST) clippy --quiet --locked --package ancillary --no-default-features -- -D warnings; \
	else echo 'skipped: this machine has no clippy'; fi
# The oldest compiler that Cargo.toml promises, and the distribution's.
MSRV := $(shell sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml).0
check-msrv:
	@if rustup run $(MSRV) cargo --version > /dev/null 2>&1; then \
		CARGO_TARGET_DIR=$(TARGET_DIR)/msrv rustup run $(MSRV) cargo test --quiet --locked --package ancillary --features capi,tokio; \
	else echo 'skipped: this machine has no Rust $(MSRV)'; fi
	@if [ -x /usr/bin/cargo ] && [ -x /usr/bin/rustc ]; then \
		RUSTC=/usr/bin/rustc CARGO_TARGET_DIR=$(TARGET_DIR)/distribution \
			/usr/bin/cargo test --quiet --locked --package ancillary --features capi,tokio --lib --tests; \
	else echo 'skipped: this machine has no Rust from a package of its distribution'; fi
check-declarations: $(STAGE)/.done
	@PKG_CONFIG_PATH=$(STAGE)/lib/pkgconfig CARGO_TARGET_DIR=$(TARGET_DIR) $(CARGO) run --quiet --locked -p c-tests
	@PKG_CONFIG_PATH=$(STAGE)/lib/pkgconfig CARGO_TARGET_DIR=$(TARGET_DIR) $(CARGO) test --quiet --locked -p c-tests
check-manual: $(STAGE)/.done
	@sh c-tests/manual.sh $(STAGE) $(BUILD)/manual
	@sh c-tests/html.sh $(BUILD)/html
check-installed: $(STAGE)/.done
	@sh c-tests/install.sh $(BUILD)/installed
	@sh c-tests/find.sh $(STAGE) $(STATIC_STAGE) $(BUILD)/find
	@sh c-tests/cargo-c.sh $(STAGE) $(BUILD)/cargo-c
check-abi: all
	@sh c-tests/abi.sh $(BUILD) $(BUILD)/abi
check-tests: $(STAGE)/.done
	@sh c-tests/run.sh shared $(STAGE) $(BUILD)/tests
	@CFLAGS=-fexceptions sh c-tests/run.sh shared $(STAGE) $(BUILD)/tests-exceptions cancellation
	@sh c-tests/ports/count.sh check
# After check-tests, whose programs it runs.
check-watch: check-tests
	@sh c-tests/watch/watch.sh $(STAGE) $(BUILD)/tests $(BUILD)/watch
check-tests-static: $(STAGE)/.done
	@sh c-tests/run.sh static $(STATIC_STAGE) $(BUILD)/tests-static
check-cplusplus: $(STAGE)/.done
	@sh c-tests/cplusplus/cplusplus.sh $(STAGE) $(BUILD)/cplusplus
# Programs that were written for the older libancillary.
check-compat: $(STAGE)/.done
	@sh c-tests/compat/compat.sh $(STAGE) $(BUILD)/compat
check-must-fail:
	@sh c-tests/must-fail.sh $(BUILD)/must-fail
# A cancelled thread leaves ASan's marks of the frames that were unwound on its stack, over which
# ASan's own end of the thread stumbles when it takes down its signal stack.
SANITIZED := ASAN_OPTIONS=use_sigaltstack=0 CFLAGS='-fsanitize=address,undefined -fno-sanitize-recover=all'
check-sanitized: $(STAGE)/.done
	@$(SANITIZED) sh c-tests/run.sh shared $(STAGE) $(BUILD)/tests-gcc-asan
	@$(SANITIZED) CC=clang sh c-tests/run.sh shared $(STAGE) $(BUILD)/tests-clang-asan
# The tests in Rust without the functions for C, as a Rust program has the crate.
VALGRIND_RUST := valgrind -q --error-exitcode=9 --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite
check-valgrind: $(STAGE)/.done
	@$(if $(filter rust,$(CHECKS)),$(RUST) test --quiet --locked --package ancillary --features tokio --lib --tests \
		--config "target.'cfg(unix)'.runner='$(VALGRIND_RUST)'")
	@EXEC='valgrind -q --error-exitcode=9 --track-fds=yes --trace-children=yes' sh c-tests/run.sh shared $(STAGE) $(BUILD)/tests-valgrind
# What replaces MSG_CMSG_CLOEXEC, MSG_NOSIGNAL, close_range and PIDFD_GET_INFO where a system lacks them.
check-fallbacks: $(addprefix check-without-,cmsg_cloexec nosignal close_range pidfd_info passrights)
check-without-%:
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/without-$* WITHOUT=$* $(abspath $(BUILD)/without-$*)/stage/.done > /dev/null
	@WITHOUT=$* sh c-tests/gates.sh $(BUILD)/without-$* > $(BUILD)/without-$*/gates || { cat $(BUILD)/without-$*/gates; exit 1; }
	@ANC_WITHOUT=$* sh c-tests/run.sh shared $(abspath $(BUILD))/without-$*/stage $(BUILD)/without-$*/tests
# What the kernel was seen to do, beside what this one does.
check-facts facts:
	@sh c-tests/facts/facts.sh $(BUILD)/facts
check-fuzz: $(STAGE)/.done
	@sh fuzz/run.sh $(STAGE) $(BUILD)/fuzz 20
# The other systems: that their files compile, by a toolchain which can build a core library for them.
check-systems:
	@sh c-tests/platforms.sh --compile $(BUILD)/systems
# The other systems and machines: long, and with tools that CI has not.
check-platforms:
	@sh c-tests/platforms.sh $(BUILD)/platforms
check-demo: demo
check-examples: $(STAGE)/.done
	@sh examples/selftest.sh $(STAGE) $(BUILD)/examples
check-migrate: $(STAGE)/.done
	@sh c-tests/migrate/migrate.sh $(STAGE) $(BUILD)/migrate

# Not among the checks: what the crate breaks of an earlier one, with cargo-semver-checks.
.PHONY: check-semver
check-semver:
	@$(if $(BASELINE),,$(error BASELINE=REVISION: the one to compare with))$(RUST) semver-checks --package ancillary \
		--only-explicit-features --features std,tokio --baseline-rev $(BASELINE)

# Not among the checks: it downloads kernels, and boots each where they can be had, for minutes without KVM.
# A name ending in -close_range takes that call away, as before Linux 5.9.
KERNELS ?= oldest oldest-close_range 6.1 6.12 6.16 newest
.PHONY: check-kernels
check-kernels: $(STAGE)/.done
	@sh c-tests/kernels/run.sh $(STAGE) $(BUILD)/kernels $(KERNELS) $(if $(PROGRAMS),-- $(PROGRAMS))

.PHONY: facts fuzz
fuzz: $(STAGE)/.done
	sh fuzz/run.sh $(STAGE) $(BUILD)/fuzz $(or $(SECONDS),3600)

.PHONY: must-fail
must-fail: check-must-fail

.PHONY: html
html:
	@sh man/html.sh $(BUILD)/html
	@echo $(BUILD)/html/index.html

.PHONY: dist
dist:
	@sh dist/archive.sh $(BUILD)/dist
	@ls $(BUILD)/dist/*.tar.gz
check-dist check-reproducible: all
	@sh c-tests/dist.sh $(BUILD) $(BUILD)/dist-check
check-debian:
	@sh c-tests/debian.sh $(BUILD)/debian

.PHONY: clean check-reproducible check-debian
clean:
	rm -rf $(BUILD) target
