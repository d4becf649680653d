# The Debian package: both programs, units, users, configuration. Built and tried by scripts/package.
install(FILES README.md LISEZMOI.md CHANGELOG.md SECURITY.md CONTRIBUTING.md LICENSE
        DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/beffroi)
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/beffroi)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/beffroi RENAME copyright)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME beffroi)
set(CPACK_PACKAGE_VENDOR "The Beffroi authors")
set(CPACK_PACKAGE_CONTACT "The Beffroi authors <beffroi@beffroi.example>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "encrypted backup and shared folders for small town halls")
set(CPACK_PACKAGE_DESCRIPTION
    "A station encrypts, deduplicates and backs up the documents of a town hall to a peer.\n\
The peer checks and keeps them without being able to read any of it.\n\
Folders are shared with other town halls, end to end encrypted.\n\
A paper kit brings everything back on a new machine.")
set(CPACK_PACKAGE_HOMEPAGE_URL "https://beffroi.example/")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
# Debian's policy wants 0755 folders whatever the umask of who builds.
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# sysusers and tmpfiles make the users and folders; the daemons also run in the foreground without systemd.
set(CPACK_DEBIAN_PACKAGE_DEPENDS "systemd | systemd-standalone-sysusers")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
    "${PROJECT_SOURCE_DIR}/cmake/debian/conffiles;${PROJECT_SOURCE_DIR}/cmake/debian/postinst;\
${PROJECT_SOURCE_DIR}/cmake/debian/prerm;${PROJECT_SOURCE_DIR}/cmake/debian/postrm")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
include(CPack)
