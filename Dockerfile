# Built with everything, since `prepare` needs the compiler; then pruned, so that neither it nor a test reaches the image
# that runs. For a release, pin both to the digest that was tried.
FROM node:26-bookworm-slim AS build
WORKDIR /app
RUN apt-get update && apt-get install -y --no-install-recommends python3 make g++ && rm -rf /var/lib/apt/lists/*
COPY package.json package-lock.json tsconfig.json tsconfig.build.json ./
COPY src ./src
RUN npm ci && npm prune --omit=dev

FROM node:26-bookworm-slim
WORKDIR /app
ENV NODE_ENV=production
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY drizzle ./drizzle
# A number, so that a platform can see that it is not root. All of /app is root's: it is read, never written.
USER 10001:10001
EXPOSE 7420
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
  CMD ["node", "dist/main.js", "ready", "--config", "/etc/strongroom/strongroom.yaml"]
# Settings, the key file and data/ are mounted. serve never initialises: where there is no vault it says so and ends.
ENTRYPOINT ["node", "dist/main.js"]
CMD ["serve", "--config", "/etc/strongroom/strongroom.yaml"]
