#include "injector/cli/app.h"

int main(int argc, char** argv) { return faultline::cli::main_of(argc, argv); }
