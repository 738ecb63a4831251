# learnplan-db as a container: docker build -t learnplan-db . && docker run --rm learnplan-db --help
# Any image with Python 3.11 or later and pip will do as the base.
ARG PYTHON_IMAGE=python:3.13-slim

FROM ${PYTHON_IMAGE} AS build
# Parts besides the core: "proof" is what "prove --random" and "prove --mutate" need.
ARG EXTRAS=proof
COPY . /source
RUN python3 -m venv --without-pip /opt/learnplan-db \
    && python3 -m pip --python /opt/learnplan-db/bin/python3 install \
       --no-cache-dir --root-user-action=ignore "/source${EXTRAS:+[$EXTRAS]}"

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="learnplan-db" \
      org.opencontainers.image.description="Deploys, verifies and proves the PostgreSQL database of a learning-plan application."
COPY --from=build /opt/learnplan-db /opt/learnplan-db
# A number, so that Kubernetes can see that it is not root; a name, since it is written
# into the registry as the deployer's when SQITCH_FULLNAME does not say another.
RUN echo 'learnplan:x:10001:10001:learnplan-db:/work:/usr/sbin/nologin' >> /etc/passwd \
    && mkdir /work && chown 10001:10001 /work
ENV PATH=/opt/learnplan-db/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
WORKDIR /work
ENTRYPOINT ["learnplan-db"]
CMD ["--help"]
