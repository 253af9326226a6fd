# bert-compress in a container: docker build -t bert-compress . && docker run --rm --network none -v "$PWD:/work" bert-compress --help

# the package as it is published
FROM node:20-slim AS pack
ENV ONNXRUNTIME_NODE_INSTALL=skip
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json README.md LICENSE ./
COPY bin bin
COPY docs docs
COPY fixtures/tickets fixtures/tickets
COPY schema schema
COPY scripts scripts
COPY src src
RUN mkdir /pack && npm pack --pack-destination /pack

# the package unpacked, with the dependencies of the lock file; libraries of other systems are left out (220 MB)
FROM node:20-slim AS install
ENV ONNXRUNTIME_NODE_INSTALL=skip
WORKDIR /opt/bert-compress
COPY --from=pack /pack/ /pack/
RUN tar -xzf /pack/*.tgz --strip-components=1
COPY package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts \
  && rm -rf node_modules/onnxruntime-node/bin/napi-v*/darwin node_modules/onnxruntime-node/bin/napi-v*/win32

FROM node:20-slim
ENV NODE_ENV=production
COPY --from=install /opt/bert-compress /opt/bert-compress
RUN ln -s /opt/bert-compress/bin/run.js /usr/local/bin/bert-compress
# a mounted folder of another owner: docker run --user "$(id -u):$(id -g)"
USER node
WORKDIR /work
ENTRYPOINT ["bert-compress"]
CMD ["--help"]
