/* unique_fd and fd_array: who owns what, and that it is closed once. */
#include "harness.hpp"

#include <type_traits>

static_assert(!std::is_copy_constructible<anc::unique_fd>::value && !std::is_copy_assignable<anc::unique_fd>::value, "one owner");
static_assert(std::is_nothrow_move_constructible<anc::unique_fd>::value && std::is_nothrow_move_assignable<anc::unique_fd>::value, "a vector moves them");
static_assert(std::is_nothrow_move_constructible<anc::fd_array<3>>::value && !std::is_copy_constructible<anc::fd_array<3>>::value, "one owner");
static_assert(!std::is_convertible<int, anc::unique_fd>::value && !std::is_convertible<anc::unique_fd, int>::value && !std::is_convertible<anc::unique_fd, bool>::value, "a number is none by accident");

TEST(an_owner_closes_its_descriptor_and_keeps_errno)
{
    int fd = new_descriptor();
    {
        anc::unique_fd owner(fd);
        CHECK(owner && owner.get() == fd && is_open(fd));
        errno = 4242;
    }
    CHECK_INT(errno, 4242);
    CHECK(!is_open(fd));
}

TEST(a_moved_from_owner_owns_nothing)
{
    anc::unique_fd a = new_owner();
    int fd = a.get();
    anc::unique_fd b(std::move(a));
    CHECK(!a && a.get() == -1 && b.get() == fd && is_open(fd));
    anc::unique_fd c = new_owner();
    int other = c.get();
    c = std::move(b);
    CHECK(!b && c.get() == fd && is_open(fd) && !is_open(other));
}

TEST(a_self_move_changes_nothing)
{
    anc::unique_fd a = new_owner();
    anc::unique_fd &same = a;
    int fd = a.get();
    a = std::move(same);
    CHECK(a.get() == fd && is_open(fd));
    anc::fd_array<2> array;
    anc::fd_array<2> &same_array = array;
    CHECK(array.push_back(std::move(a)));
    array = std::move(same_array);
    CHECK(array.size() == 1 && array[0] == fd && is_open(fd));
}

TEST(reset_closes_and_takes_over_and_release_gives_up)
{
    anc::unique_fd a = new_owner();
    int first = a.get(), second = new_descriptor();
    a.reset(second);
    CHECK(!is_open(first) && a.get() == second && is_open(second));
    a.reset(second);
    CHECK(a.get() == second && is_open(second));
    int mine = a.release();
    CHECK(mine == second && !a && is_open(mine));
    a.reset();
    a.reset(-7);
    CHECK_INT(a.get(), -1);
    CHECK(anc::unique_fd(-EMFILE) == anc::unique_fd());
    close(mine);
}

TEST(owners_swap_and_compare_by_number)
{
    anc::unique_fd a = new_owner(), b = new_owner();
    int low = a.get(), high = b.get();
    CHECK(low < high && a < b && a <= b && b > a && b >= a && a != b && !(a == b));
    swap(a, b);
    CHECK(a.get() == high && b.get() == low && is_open(low) && is_open(high));
    a.swap(b);
    CHECK(a.get() == low);
}

TEST(a_vector_of_owners_grows_and_shrinks)
{
    std::vector<anc::unique_fd> owners;
    int before = open_descriptors();
    for (int i = 0; i < 20; i++)
        owners.push_back(new_owner());
    CHECK_INT(open_descriptors(), before + 20);
    owners.erase(owners.begin(), owners.begin() + 15);
    CHECK_INT(open_descriptors(), before + 5);
    for (const anc::unique_fd &owner : owners)
        CHECK(is_open(owner.get()));
}

TEST(an_array_owns_what_is_not_taken_from_it)
{
    int before = open_descriptors(), first, second;
    {
        anc::fd_array<3> array;
        CHECK(array.empty() && array.size() == 0 && array.capacity() == 3);
        CHECK(array.push_back(new_owner()) && array.push_back(new_owner()) && array.push_back(new_owner()));
        anc::unique_fd extra = new_owner();
        CHECK(!array.push_back(std::move(extra)) && extra);
        anc::unique_fd none;
        anc::fd_array<1> small;
        CHECK(!small.push_back(std::move(none)) && small.empty());
        first = array[0];
        second = array[1];
        anc::unique_fd taken = array.take(1);
        CHECK(taken.get() == second && array[1] == -1 && array.size() == 3);
        CHECK(!array.take(1) && !array.take(3) && !array.take(static_cast<std::size_t>(-1)));
        int sum = 0;
        for (int fd : array)
            sum += fd < 0;
        CHECK_INT(sum, 1);
        array.clear();
        CHECK(array.empty() && !is_open(first) && is_open(second));
        CHECK(array.push_back(std::move(taken)));
    }
    CHECK(!is_open(second));
    CHECK_INT(open_descriptors(), before);
}

TEST(an_array_moves_its_descriptors_and_is_empty_then)
{
    anc::fd_array<3> a, b;
    CHECK(a.push_back(new_owner()) && a.push_back(new_owner()) && b.push_back(new_owner()));
    int x = a[0], y = a[1], z = b[0];
    anc::fd_array<3> c(std::move(a));
    CHECK(a.empty() && c.size() == 2 && c[0] == x && c[1] == y);
    b = std::move(c);
    CHECK(c.empty() && b.size() == 2 && b[1] == y && is_open(x) && is_open(y) && !is_open(z));
    a.swap(b);
    CHECK(b.empty() && a.size() == 2 && a[0] == x);
    int n = static_cast<int>(a.release());
    CHECK(n == 2 && a.empty() && is_open(x) && is_open(y));
    close(x);
    close(y);
}
