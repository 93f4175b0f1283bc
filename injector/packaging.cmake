# What is installed, and how it is packed: a .deb (cpack -G DEB), and one archive for any distribution with glibc 2.35 and the
# C++ library of GCC 12, or newer (FAULTLINE_BUNDLE=1 cpack -G TGZ). libfmt, libhiredis, libre2, libcpp-httplib and libprometheus-cpp, whose
# names change with every release of Debian, come along in lib/faultline in both; the archive brings all others along there as well.
#
# bin/faultline, share/faultline/experiments with the services' configurations, libexec/faultline with the demo services,
# share/doc, man pages, completion and the plan's JSON Schema. The last three are made by the binary itself, from what --help is made from.
include(GNUInstallDirs)

set(generated ${CMAKE_BINARY_DIR}/generated)
add_custom_command(
  OUTPUT ${generated}/stamp
  COMMAND ${CMAKE_COMMAND} -E make_directory ${generated}/man ${generated}/completion
  COMMAND $<TARGET_FILE:faultline> man --all ${generated}/man
  COMMAND $<TARGET_FILE:faultline> completion bash > ${generated}/completion/bash
  COMMAND $<TARGET_FILE:faultline> completion zsh > ${generated}/completion/zsh
  COMMAND $<TARGET_FILE:faultline> completion fish > ${generated}/completion/fish
  COMMAND $<TARGET_FILE:faultline> schema > ${generated}/plan.schema.json
  COMMAND ${CMAKE_COMMAND} -E touch ${generated}/stamp
  DEPENDS faultline
  COMMENT "man pages, completion and schema")
add_custom_target(manual DEPENDS ${generated}/stamp)

# An RPATH, not a RUNPATH: what comes along has to find its own libraries there, too.
target_link_options(faultline PRIVATE -Wl,--disable-new-dtags)
install(TARGETS faultline RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY experiments/ DESTINATION ${CMAKE_INSTALL_DATADIR}/faultline/experiments
        USE_SOURCE_PERMISSIONS  # labs run the scripts among the services by their paths
        FILES_MATCHING PATTERN "*.toml" PATTERN "services/*" PATTERN "services/*/*" PATTERN "*.csv"
        REGEX "\\.(cpp|h)$|CMakeLists\\.txt$" EXCLUDE PATTERN "services/base" EXCLUDE PATTERN "services/payment" EXCLUDE) # sources; the programs are in libexec/faultline
install(FILES ${generated}/plan.schema.json DESTINATION ${CMAKE_INSTALL_DATADIR}/faultline)
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/faultline FILES_MATCHING PATTERN "*.md" PATTERN "status.md" EXCLUDE)
install(FILES README.md DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/faultline)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/faultline RENAME copyright)
install(FILES ${DYGRAPHS_LICENCE} DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/faultline RENAME copyright.dygraphs)
install(DIRECTORY ${generated}/man/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 FILES_MATCHING PATTERN "*.1")
install(FILES ${generated}/completion/bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME faultline)
install(FILES ${generated}/completion/zsh DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions RENAME _faultline)
install(FILES ${generated}/completion/fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d RENAME faultline.fish)

# Libraries of our own, found by the binary beside itself, and by the demo services.
set_target_properties(faultline PROPERTIES INSTALL_RPATH "$ORIGIN/../lib/faultline")
install(CODE [[
  set(root "$ENV{DESTDIR}${CMAKE_INSTALL_PREFIX}")
  set(theirs "^lib(c|m|dl|rt|pthread|resolv|anl|stdc\\+\\+|gcc_s)\\.so" "^ld-linux")
  if(NOT "$ENV{FAULTLINE_BUNDLE}")
    list(APPEND theirs "^lib[^cfhpr]")
  endif()
  file(GLOB programs "${root}/bin/faultline" "${root}/libexec/faultline/*/*")
  file(GET_RUNTIME_DEPENDENCIES EXECUTABLES ${programs} RESOLVED_DEPENDENCIES_VAR libraries PRE_EXCLUDE_REGEXES ${theirs})
  foreach(library IN LISTS libraries)
    get_filename_component(name "${library}" NAME)
    if("$ENV{FAULTLINE_BUNDLE}" OR name MATCHES "^lib(fmt|hiredis|re2|cpp-httplib|prometheus-cpp)")
      file(INSTALL "${library}" DESTINATION "${CMAKE_INSTALL_PREFIX}/lib/faultline" FOLLOW_SYMLINK_CHAIN) # puts DESTDIR before it by itself
    endif()
  endforeach()
]])

set(CPACK_PACKAGE_NAME faultline)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_VENDOR "The Faultline authors")
set(CPACK_PACKAGE_CONTACT "The Faultline authors <faultline@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "rehearses network outages with eBPF")
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGE_FILE_NAME faultline-${PROJECT_VERSION}-linux-${CMAKE_SYSTEM_PROCESSOR})
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# What the experiments' labs run; without it `faultline doctor` says what to install.
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "nginx-core | nginx, haproxy, redis-server, redis-tools, mosquitto, mosquitto-clients")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
    "Faultline slows down, drops and cuts the traffic of the services that a plan names,
 by the kernel's own clock (eBPF), asks the services meanwhile what their users
 would ask, and tells whether what you believed held. Labs of real services in
 network namespaces let anyone rehearse an outage with one command.")
include(CPack)
