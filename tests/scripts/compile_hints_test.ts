import assert from "node:assert/strict";
import { addCompileHints } from "../../scripts/support/compile_hints.ts";

const CASES: readonly [name: string, program: string, hinted: string][] = [
  ["an arrow function", "let a=b=>b+1;", "let a=(b=>b+1);"],
  ["one in another", "let a=b=>c=>b+c;", "let a=(b=>(c=>b+c));"],
  ["one without parameters", "let a=()=>{};", "let a=(()=>{});"],
  ["an asynchronous one", "let a=async b=>b;", "let a=(async b=>b);"],
  ["a function expression", "let a=function(){return 1};", "let a=(function(){return 1});"],
  ["a default value", "let a=(b=()=>1)=>b;", "let a=((b=(()=>1))=>b);"],
  ["a declaration", "f();function f(){return 1}", "var f=(function f(){return 1});f();"],
  [
    "several declarations",
    "function f(){}async function*g(){}f();",
    "var f=(function f(){}),g=(async function*g(){});f();",
  ],
  [
    "a declaration in a function",
    "let a=()=>{function f(){}return f};",
    "let a=(()=>{function f(){}return f});",
  ],
  [
    "a method",
    "let a={f(){return 1},get g(){return 2}};",
    "let a={f(){return 1},get g(){return 2}};",
  ],
  ["a method's callback", "class A{f(b){b(()=>1)}}", "class A{f(b){b((()=>1))}}"],
  ["a field", "class A{f=b=>b}", "class A{f=(b=>b)}"],
];

for (const [name, program, hinted] of CASES) {
  Deno.test(`the hint for ${name}`, () => assert.equal(addCompileHints(program), hinted));
}

Deno.test("a program with hints does what it did", () => {
  const program = [
    "const told=[];told.push(twice(2));function twice(n){return n*2}",
    "class A{#n=1;get n(){return this.#n}static of=()=>new A;map(f){return f(this.#n)}}",
    "told.push(A.of().map(n=>n+1));const count=function self(n){return n>0?self(n-1):'end'};",
    "told.push(count(3));function*some(){yield 1;yield 2}told.push(...some(),twice.name);",
    "return told;",
  ];
  // A module may not return.
  const body = program.slice(0, -1).join("\n");
  const run = (text: string) => new Function(`${text}\n${program.at(-1)}`)();
  assert.deepEqual(run(addCompileHints(body)), run(body));
  assert.deepEqual(run(body), [4, 2, "end", 1, 2, "twice"]);
});
