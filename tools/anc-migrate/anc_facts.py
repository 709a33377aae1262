"""What anc-migrate's rules share: the facts of a function, and how a verdict is printed."""
import os, re

names = dict(line.rstrip("\n").split("\t", 1) for line in open(os.environ["ANC_MIGRATE_NAMES"]))
functions, sources, found, judges = {}, {}, set(), []

def judge(rule):
    """Each rule is called with each function, once all files are read."""
    judges.append(rule)

def say(function, line, kind, text, page):
    found.add((names[function.file], int(line), kind, text, page))

def warning(function, line, text, page):
    say(function, line, "warning", text, page)

def note(function, line, text, page):
    say(function, line, "note", text, page)

def flat(text):
    """An expression as coccinelle prints it, without its blanks."""
    return re.sub(r"\s*([^\w\s])\s*", r"\1", str(text)).strip()

def arguments(text):
    """The parts between the commas that stand in no bracket."""
    parts, depth = [""], 0
    for c in str(text):
        depth += c in "([{"
        depth -= c in ")]}"
        if c == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += c
    return [flat(part) for part in parts]

class Source:
    """The file's lines, comments and strings blanked."""
    def __init__(self, file):
        text = open(file, errors="replace").read()
        blank = lambda m: re.sub(r"[^\n]", " ", m.group())
        text = re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', blank, text, flags=re.S)
        self.text = text
        self.macros = re.findall(r"^[ \t]*#[ \t]*define[ \t]+(\w+)((?:\\\n|.)*)", text, re.M)
        self.starts = [0] + [m.end() for m in re.finditer("\n", text)]

    def lines(self, first, last):
        return self.text[self.starts[first - 1]:self.starts[last] if last < len(self.starts) else None]

    def line_at(self, offset):
        return self.text.count("\n", 0, offset) + 1

    def close(self, offset):
        """The end of the bracket that opens at offset."""
        depth = 0
        for i in range(offset, len(self.text)):
            depth += self.text[i] in "([{"
            depth -= self.text[i] in ")]}"
            if depth == 0:
                return i + 1
        return len(self.text)

    def statement(self, offset):
        """The end of the statement that begins at offset."""
        rest = re.compile(r"\s*").match(self.text, offset).end()
        if self.text[rest:rest + 1] == "{":
            return self.close(rest)
        opened = re.compile(r"(if|for|while|switch)\b\s*").match(self.text, rest)
        if opened and self.text[opened.end():opened.end() + 1] == "(":
            return self.statement(self.close(opened.end()))
        end = self.text.find(";", rest)
        return len(self.text) if end == -1 else end + 1

def source(file):
    if file not in sources:
        sources[file] = Source(file)
    return sources[file]

def original(file):
    """The source as it is, attributes and all."""
    return source(names[file])

# What a function that takes care of descriptors, or never comes back, is called.
CLOSES = r"close|release|dispose|cleanup|unref|drop|fatal|exit|abort|die|err\b|errx"

class Function:
    def __init__(self, file, name, line):
        self.file, self.name, self.line, self.last = file, name, int(line), int(line)
        self.calls = []       # line, name, arguments
        self.assigned = []    # line, object, field, value
        self.fields = []      # line, object, field
        self.compared = []    # line, object, field, other, whether for equality
        self.arrays = []      # line, type, name, size
        self.words = {}       # word: lines
        self.casts = []       # line, type: CMSG_DATA's value as a pointer to it
        self.derefs = []      # line, type: what is read through such a pointer at once

    def called(self, *names):
        return [c for c in self.calls if c[1] in names]

    def receives(self):
        """The calls that have a control buffer, as far as it shows."""
        def has_room(call):
            given = self.set(call[2][1], "msg_control")
            return not given or any(line <= call[0] for line, _ in given)
        return [c for c in self.called("recvmsg") if len(c[2]) == 3 and has_room(c)]

    def sends(self):
        return [c for c in self.called("sendmsg") if len(c[2]) == 3]

    def text(self, first=None, last=None):
        return source(self.file).lines(first or self.line, last or self.last)

    def parameter(self, name):
        return re.search(r"\b%s\b" % re.escape(name), self.text().split("{")[0]) is not None

    def helpers(self):
        called = {c[1] for c in self.calls}
        return [f for f in functions.values() if f.file == self.file and f.name in called and f is not self]

    def callers(self):
        return [f for f in functions.values() if f.file == self.file and f is not self and f.called(self.name)]

    def around(self):
        """This function, those it calls, those that call it, and what those call."""
        near = [self] + self.helpers()
        for caller in self.callers():
            near += [caller] + caller.helpers()
        return near

    def has(self, word):
        return any(word in f.words for f in self.around())

    def closes(self):
        return any(re.search(CLOSES, c[1]) for f in [self] + self.helpers() for c in f.calls)

    def mentions(self, word):
        """Itself, or by a macro of the same file."""
        return word in self.text() or any(word in body and re.search(r"\b%s\b" % name, self.text()) for name, body in source(self.file).macros)

    def takes_fds(self):
        """Receives, and looks for descriptors."""
        return self.receives() and any(f.mentions("SCM_RIGHTS") and not f.gives_fds_only() for f in [self] + self.helpers() + self.callers())

    def gives_fds(self):
        return any(field == "cmsg_type" and "SCM_RIGHTS" in value for _, _, field, value in self.assigned)

    def gives_fds_only(self):
        return len(self.words.get("SCM_RIGHTS", [])) > 0 and all(
            any(at == line and field == "cmsg_type" for at, _, field, _ in self.assigned) for line in self.words["SCM_RIGHTS"])

    def set(self, msg, field):
        """The values that a message's field is given; msg as an argument."""
        return [(line, value) for line, of, name, value in self.assigned if of == msg.lstrip("&") and name == field]

    def fd_reads(self):
        """Where CMSG_DATA is read as a single int."""
        reads = [line for line, type in self.derefs if type == "int"]
        for line, _, args in self.copies():
            if re.fullmatch(r"sizeof *\(?[\w.>*-]+\)?|4", args[2]) and not re.search("struct|cred", args[2]):
                reads.append(line)
        return reads

    def copies(self):
        """The calls that copy what CMSG_DATA points to."""
        return [c for c in self.calls if re.search(r"(memcpy|memmove)$", c[1]) and len(c[2]) == 3 and re.match(r"\(?(\([\w *]+\))?CMSG_DATA\(", c[2][1])]

    def loops(self):
        """(keyword, first line, last line, condition, body)"""
        src, result = source(self.file), []
        for m in re.finditer(r"\b(for|while|do)\b", self.text()):
            start = src.starts[self.line - 1] + m.start()
            after = src.starts[self.line - 1] + m.end()
            if m.group() == "do":
                end = src.statement(after)
                condition = src.text[end:src.statement(end)]
            else:
                opened = src.text.find("(", after)
                closed = src.close(opened)
                condition, end = src.text[opened:closed], src.statement(closed)
                if re.match(r"\s*;", src.text[closed:]) and m.group() == "while" and "}" in src.text[start - 3:start]:
                    continue # the end of a do
            result.append((m.group(), src.line_at(start), src.line_at(end - 1), condition, src.text[start:end]))
        return result

def function(p):
    """The function that a position is in."""
    key = p[0].file, p[0].current_element, p[0].current_element_line
    if key not in functions:
        functions[key] = Function(*key)
    f = functions[key]
    f.last = max(f.last, int(p[0].current_element_line_end))
    return f

KNOWN = r"\b(recvmsg|sendmsg|recvmmsg|sendmmsg|CMSG_FIRSTHDR)\s*\("

def verdict():
    for each in judges:
        for f in list(functions.values()):
            each(f)

    for file in names:
        src = source(file)
        seen = {(c[0], c[1]) for f in functions.values() if f.file == file for c in f.calls}
        for m in re.finditer(KNOWN, src.text):
            line = src.line_at(m.start())
            before = src.text[src.starts[line - 1]:m.start()]
            if not before or re.match(r"\s*#|\s*(extern\s+|static\s+)?(ssize_t|int|struct cmsghdr)[\s*]+$", before):
                continue # a macro, a declaration
            if (line, m.group(1)) not in seen:
                found.add((names[file], line, "warning", f"{m.group(1)} stands in code that could not be parsed: nothing here was looked at", "anc-migrate(1)"))

    for file, line, kind, text, page in sorted(found):
        print(f"{file}:{line}: {kind}: {text} [see {page}]")
