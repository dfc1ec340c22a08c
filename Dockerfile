# PostgreSQL with workflow. Build it for one of the versions that it works with, 15 to 18:
#
#   docker build --build-arg PG_MAJOR=17 -t workflow .
#   docker run -e POSTGRES_PASSWORD=... workflow
ARG PG_MAJOR=17

FROM postgres:${PG_MAJOR}-bookworm AS build
ARG PG_MAJOR
RUN apt-get update && apt-get install -y --no-install-recommends make gcc libc6-dev libpq-dev postgresql-server-dev-${PG_MAJOR}
WORKDIR /workflow
COPY . .
RUN make clean with_llvm=no PG_CONFIG=/usr/lib/postgresql/${PG_MAJOR}/bin/pg_config && \
    make -j2 with_llvm=no PG_CONFIG=/usr/lib/postgresql/${PG_MAJOR}/bin/pg_config && \
    make install with_llvm=no PG_CONFIG=/usr/lib/postgresql/${PG_MAJOR}/bin/pg_config DESTDIR=/installed

FROM postgres:${PG_MAJOR}-bookworm
COPY --from=build /installed /
# A server that is initialized loads the library; CREATE EXTENSION workflow is left to you.
RUN echo "shared_preload_libraries = 'workflow'" >>/usr/share/postgresql/postgresql.conf.sample && \
    echo "max_worker_processes = 16" >>/usr/share/postgresql/postgresql.conf.sample
