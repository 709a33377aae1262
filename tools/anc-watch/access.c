/* What an instruction does to the memory that it names: reads it, writes it, or both.
 *
 * A watchpoint tells the address behind the instruction. Its start is not known, so every length that gives
 * a valid instruction is tried, and the answer is all that it may be. */
#include "watch.h"

#if defined(__x86_64__) || defined(__i386__)

enum { PREFIXES = 4, LONGEST = 15 };

struct code {
    const uint8_t *at, *end;
    bool is_16, is_f3;
};

/* Bytes of the memory operand, and of what follows it; -1: a register. */
static int operand(const struct code *code, int immediate)
{
    const uint8_t *at = code->at;
    int mod, rm, len = 1;
    if (at >= code->end)
        return -1;
    mod = *at >> 6;
    rm = *at & 7;
    if (mod == 3)
        return -1;
    if (rm == 4) {
        if (at + 1 >= code->end)
            return -1;
        len++;
        if (mod == 0 && (at[1] & 7) == 5)
            len += 4;
    }
    if (mod == 0 && rm == 5)
        len += 4;
    return len + (mod == 1 ? 1 : mod == 2 ? 4 : 0) + immediate;
}

static unsigned one_byte(const struct code *code, uint8_t op)
{
    const int reg = code->at < code->end ? *code->at >> 3 & 7 : 0, word = code->is_16 ? 2 : 4;
    unsigned what;
    int immediate = 0;
    if (op == 0)
        return 0; /* the end of a number far more often than an addition */
    if (op < 0x40 && (op & 7) < 4)
        what = op >= 0x38 || op & 2 ? MAY_READ : op >> 3 == 4 || op >> 3 == 1 ? MAY_MODIFY | MAY_MASK : MAY_MODIFY;
    else if (op >= 0x80 && op <= 0x83 && op != 0x82) {
        what = reg == 7 ? MAY_READ : reg == 1 || reg == 4 ? MAY_MODIFY | MAY_MASK : MAY_MODIFY;
        immediate = op == 0x81 ? word : 1;
    } else if (op == 0x84 || op == 0x85 || op == 0x8a || op == 0x8b || op == 0x63)
        what = MAY_READ;
    else if (op == 0x86 || op == 0x87)
        what = MAY_MODIFY;
    else if (op == 0x88 || op == 0x89)
        what = MAY_WRITE;
    else if ((op == 0xc6 || op == 0xc7) && reg == 0) {
        what = MAY_WRITE;
        immediate = op == 0xc6 ? 1 : word;
    } else if (op == 0x69 || op == 0x6b) {
        what = MAY_READ;
        immediate = op == 0x6b ? 1 : word;
    } else if (op == 0xc0 || op == 0xc1) {
        what = MAY_MODIFY;
        immediate = 1;
    } else if (op >= 0xd0 && op <= 0xd3)
        what = MAY_MODIFY;
    else if (op == 0xf6 || op == 0xf7) {
        what = reg == 2 || reg == 3 ? MAY_MODIFY : MAY_READ;
        immediate = reg > 1 ? 0 : op == 0xf6 ? 1 : word;
    } else if (op == 0xfe || op == 0xff)
        what = reg < 2 ? MAY_MODIFY : MAY_READ;
    else
        return 0;
    return operand(code, immediate) == code->end - code->at ? what : 0;
}

static unsigned two_bytes(const struct code *code, uint8_t op)
{
    const int reg = code->at < code->end ? *code->at >> 3 & 7 : 0;
    unsigned what = MAY_READ;
    int immediate = op == 0x70 || op == 0xa4 || op == 0xac || op == 0xba || op == 0xc2 || op == 0xc4 || op == 0xc6;
    if (op == 0x11 || op == 0x13 || op == 0x17 || op == 0x29 || op == 0x2b || op == 0x7f || op == 0xd6 ||
        op == 0xe7 || op == 0xc3 || (op == 0x7e && !code->is_f3) || (op >= 0x90 && op <= 0x9f))
        what = MAY_WRITE;
    else if (op == 0xab || op == 0xb3 || op == 0xbb || op == 0xb0 || op == 0xb1 || op == 0xc0 || op == 0xc1 ||
             op == 0xa4 || op == 0xa5 || op == 0xac || op == 0xad || op == 0xc7 || (op == 0xba && reg > 4))
        what = op == 0xab || op == 0xb3 || op == 0xbb || op == 0xba ? MAY_MODIFY | MAY_MASK : MAY_MODIFY;
    else if (op < 0x10 || (op >= 0x80 && op <= 0x8f) || (op >= 0x18 && op <= 0x27) || (op >= 0x30 && op <= 0x3f))
        return 0;
    return operand(code, immediate) == code->end - code->at ? what : 0;
}

static unsigned parse(const uint8_t *at, const uint8_t *end)
{
    struct code code = {at, end, false, false};
    uint8_t op;
    int i;
    for (i = 0; i < PREFIXES && code.at < end; i++, code.at++) {
        if (*code.at == 0x66)
            code.is_16 = true;
        else if (*code.at == 0xf3)
            code.is_f3 = true;
        else if (*code.at != 0xf2 && *code.at != 0xf0 && *code.at != 0x64 && *code.at != 0x65)
            break;
    }
    if (sizeof(long) == 8 && code.at < end && *code.at >> 4 == 4)
        code.at++;
    if (code.at >= end)
        return 0;
    op = *code.at++;
    if (op == 0x0f && code.at < end) {
        op = *code.at++;
        return two_bytes(&code, op);
    }
    if ((op == 0xc5 && end - code.at > 2) || (op == 0xc4 && end - code.at > 3)) {
        const uint8_t *pp = code.at + (op == 0xc4);
        code.is_f3 = (*pp & 3) == 2;
        op = pp[1];
        code.at = pp + 2;
        return two_bytes(&code, op);
    }
    if (code.at == end)
        return op == 0xa4 || op == 0xa5 ? MAY_MODIFY : op == 0xaa || op == 0xab ? MAY_WRITE : 0;
    return one_byte(&code, op);
}

unsigned access_of(uintptr_t behind)
{
    uint8_t bytes[LONGEST + 4];
    unsigned what = 0;
    int len;
    if (!copy_in(bytes, (const void *)(behind - LONGEST), LONGEST))
        return ANYTHING;
    for (len = 1; len <= LONGEST; len++)
        what |= parse(bytes + LONGEST - len, bytes + LONGEST);
    /* A repeated one is stopped at, not behind. */
    if (copy_in(bytes, (const void *)behind, 3) && (bytes[0] == 0xf3 || bytes[0] == 0xf2)) {
        const uint8_t op = bytes[1] >> 4 == 4 ? bytes[2] : bytes[1];
        if (op == 0xa4 || op == 0xa5)
            return MAY_MODIFY;
        if (op == 0xaa || op == 0xab)
            return MAY_WRITE;
    }
    return what;
}

#elif defined(__aarch64__)

/* Loads and stores are told apart by one bit. Its watchpoints stop at the instruction. */
unsigned access_of(uintptr_t behind)
{
    uint32_t op;
    if (!copy_in(&op, (const void *)behind, sizeof op) || (op & 0x0a000000) != 0x08000000)
        return ANYTHING;
    return op & (1u << 22) ? MAY_READ : MAY_WRITE;
}

#else

unsigned access_of(uintptr_t behind)
{
    (void)behind;
    return ANYTHING;
}

#endif
