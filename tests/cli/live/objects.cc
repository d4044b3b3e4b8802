// tests/cli/live/objects.cc - all forms of new and delete; two objects are lost.
#include <cstdio>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

struct alignas(64) wide {
    char bytes[128];
};

__attribute__((noinline)) static void lose_array()
{
    int *volatile lost = new int[25]; // 100 bytes
    lost[0] = 1;
}

__attribute__((noinline)) static void lose_object()
{
    struct object {
        char bytes[41];
    };
    object *volatile lost = new object;
    lost->bytes[0] = 1;
}

__attribute__((noinline)) static void use_all()
{
    std::vector<std::string> names;
    std::unique_ptr<wide[]> wides(new wide[3]);

    for (int i = 0; i < 1000; i++) names.push_back(std::string(100, 'a' + i % 26));
    delete new wide;
    delete[] new char[10];
    delete new (std::nothrow) int;
    try {
        throw std::runtime_error(names.back());
    } catch (const std::exception &) {
    }
}

// Overwrites what calls left on the stack.
__attribute__((noinline)) static void stack_wipe()
{
    volatile char bytes[8192];

    for (char volatile &byte : bytes) byte = 0;
}

int main()
{
    use_all();
    lose_array();
    lose_object();
    stack_wipe();
    std::puts("fine");
    return 0;
}
