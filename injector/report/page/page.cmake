# The report's page: its files here and the charts' library of the system go into the binary (page_files.h).
set(page ${CMAKE_SOURCE_DIR}/injector/report/page)
find_file(DYGRAPHS_SCRIPT dygraph.min.js PATHS /usr/share/javascript/dygraphs NO_DEFAULT_PATH REQUIRED
          DOC "dygraphs 2, minified (libjs-dygraphs)")
find_file(DYGRAPHS_STYLE dygraph.min.css PATHS /usr/share/javascript/dygraphs NO_DEFAULT_PATH REQUIRED
          DOC "its style sheet")
find_file(DYGRAPHS_LICENCE NAMES copyright LICENSE.txt PATHS /usr/share/doc/libjs-dygraphs NO_DEFAULT_PATH REQUIRED
          DOC "its licence, which goes where it goes")

# In the order in which they run.
set(scripts ${page}/model.js ${page}/view.js ${page}/paint.js ${page}/charts.js ${page}/timeline.js ${page}/moment.js ${page}/main.js
            ${page}/live.js)
set(page_source ${CMAKE_BINARY_DIR}/page/page_files.cpp)
list(JOIN scripts "," joined_scripts)
add_custom_command(
  OUTPUT ${page_source}
  COMMAND ${CMAKE_COMMAND} -DOUT=${page_source} -DFRAME=${page}/page.html -DSTYLES=${DYGRAPHS_STYLE},${page}/page.css
          -DSCRIPTS=${DYGRAPHS_SCRIPT},${joined_scripts} -DLICENCE=${DYGRAPHS_LICENCE} -P ${page}/embed.cmake
  DEPENDS ${page}/embed.cmake ${page}/page.html ${page}/page.css ${scripts} ${DYGRAPHS_STYLE} ${DYGRAPHS_SCRIPT}
          ${DYGRAPHS_LICENCE}
  VERBATIM
  COMMENT "the report's page")
target_sources(report PRIVATE ${page_source})
set_source_files_properties(${page_source} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
