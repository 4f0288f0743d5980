// Modules that are not code: the bundler gives their text.
declare module "*.yaml" {
  const text: string
  export default text
}
