# Build with everything, then prune: the compiler and the tests never reach the image that runs.
FROM node:24-bookworm-slim AS build
WORKDIR /app
RUN apt-get update && apt-get install -y --no-install-recommends python3 make g++ && rm -rf /var/lib/apt/lists/*
COPY package.json package-lock.json tsconfig.json tsconfig.build.json ./
COPY src ./src
RUN npm ci && npm prune --omit=dev

FROM node:24-bookworm-slim
WORKDIR /app
ENV NODE_ENV=production
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY drizzle ./drizzle
# A number, so that a platform can see that it is not root. Settings, the key file and data/ are mounted.
USER 10001:10001
EXPOSE 7420
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:7420/readyz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# serve never initialises: a container that finds no vault says so and ends.
ENTRYPOINT ["node", "dist/main.js"]
CMD ["serve", "--config", "/etc/strongroom/strongroom.yaml"]
