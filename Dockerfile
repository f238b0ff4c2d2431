# agkeeper's image: built on Debian 12 with the project's own scripts, shipped as the program and the libraries it loads.
FROM debian:bookworm AS build
WORKDIR /src
# First what names the packages, so that a change elsewhere does not install them anew.
COPY dev .
COPY test/cluster/deps.sh test/cluster/lib.sh test/cluster/
RUN ./dev deps --build-only
COPY . .
RUN cmake -S . -B build -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DAGKEEPER_TESTS=OFF && cmake --build build
RUN packaging/rootfs.sh build/agkeeper /rootfs

FROM scratch
COPY --from=build /rootfs /
USER 65532:65532
EXPOSE 9443 8080
ENTRYPOINT ["/usr/bin/agkeeper"]
CMD ["run"]
