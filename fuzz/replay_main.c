#include "oracle.h"

int main(int argc, char **argv)
{
    return smt_fuzz_replay(argc, argv);
}
