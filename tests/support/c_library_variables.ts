/**
 * The variables that glibc and its loader obey and that `RUNTIME_VARIABLES` does not list, with the reason:
 * in a pull nothing comes of them. The names are those of glibc's sources, 2.28 to 2.42: the calls of
 * `getenv` and `secure_getenv` for Linux, elf/rtld.c (`process_envvars`), elf/dl-tunables.list (`env_alias`)
 * and sysdeps/generic/unsecvars.h.
 */

const FOR_PROGRAMS = "read by a function that the runtime does not call";
const FOR_LIBRARIES = "read by a library that only LD_PRELOAD or LD_AUDIT would load";
const FOR_LOCALES = "read where the program has set a locale, which the runtime does not";
const FOR_NIS = "read by a module for users and groups, or for NIS, which left glibc with 2.32";
const FOR_MALLOC =
  "changes how much memory is taken and when it is given back: at most a slower pull";
const FOR_LOADER = "changes when or where symbols are looked for among the node's own libraries";
const FOR_OTHERS = "qualifies another variable, which the list has";

export const HARMLESS: Readonly<Record<string, string>> = {
  ARGP_HELP_FMT: FOR_PROGRAMS,
  DATEMSK: FOR_PROGRAMS,
  GETCONF_DIR: FOR_PROGRAMS,
  GETTEXT_LOG_UNTRANSLATED: FOR_LOCALES,
  GMON_OUTPUT_PREFIX: "read in programs that are compiled to be profiled",
  GMON_OUT_PREFIX: "read in programs that are compiled to be profiled",
  HESIOD_CONFIG: FOR_NIS,
  HES_DOMAIN: FOR_NIS,
  HOME: FOR_PROGRAMS,
  I18NPATH: "read by localedef(1)",
  IFS: FOR_PROGRAMS,
  LANG: "LC_ALL hides it",
  LANGUAGE: FOR_LOCALES,
  LC_ADDRESS: FOR_LOCALES,
  LC_COLLATE: FOR_LOCALES,
  LC_CTYPE: FOR_LOCALES,
  LC_IDENTIFICATION: FOR_LOCALES,
  LC_MEASUREMENT: FOR_LOCALES,
  LC_MESSAGES: "LC_ALL hides it",
  LC_MONETARY: FOR_LOCALES,
  LC_NAME: FOR_LOCALES,
  LC_NUMERIC: FOR_LOCALES,
  LC_PAPER: FOR_LOCALES,
  LC_TELEPHONE: FOR_LOCALES,
  LC_TIME: FOR_LOCALES,
  LD_BIND_NOT: FOR_LOADER,
  LD_BIND_NOW: FOR_LOADER,
  LD_DEBUG_OUTPUT: FOR_OTHERS,
  LD_DYNAMIC_WEAK: FOR_LOADER,
  LD_HWCAP_MASK: FOR_LOADER,
  LD_ORIGIN_PATH: "read where the kernel does not say what program it started",
  LD_PREFER_MAP_32BIT_EXEC: "changes at which addresses libraries are",
  LD_PROFILE_OUTPUT: FOR_OTHERS,
  LD_USE_LOAD_BIAS: "changes at which addresses prelinked libraries are",
  LD_VERBOSE: FOR_OTHERS,
  LD_WARN: FOR_OTHERS,
  LIBC_FATAL_STDERR_: "says where the C library writes why it ends the program",
  MALLOC_ARENA_MAX: FOR_MALLOC,
  MALLOC_ARENA_TEST: FOR_MALLOC,
  MALLOC_CHECK_: FOR_MALLOC,
  MALLOC_MMAP_MAX_: FOR_MALLOC,
  MALLOC_MMAP_THRESHOLD_: FOR_MALLOC,
  MALLOC_PERTURB_: FOR_MALLOC,
  MALLOC_TRACE: FOR_PROGRAMS,
  MALLOC_TRIM_THRESHOLD_: FOR_MALLOC,
  MEMUSAGE_BUFFER_SIZE: FOR_LIBRARIES,
  MEMUSAGE_NO_TIMER: FOR_LIBRARIES,
  MEMUSAGE_OUTPUT: FOR_LIBRARIES,
  MEMUSAGE_PROG_NAME: FOR_LIBRARIES,
  MEMUSAGE_TRACE_MMAP: FOR_LIBRARIES,
  MSGVERB: FOR_PROGRAMS,
  NIS_DEFAULTS: FOR_NIS,
  NIS_GROUP: FOR_NIS,
  NIS_PATH: FOR_NIS,
  NLSPATH: FOR_PROGRAMS,
  OUTPUT_CHARSET: FOR_LOCALES,
  PATH: "says where programs are that are started, and a pull starts none",
  PCPROFILE_OUTPUT: FOR_LIBRARIES,
  POSIXLY_CORRECT: FOR_PROGRAMS,
  PWD: FOR_PROGRAMS,
  SEGFAULT_OUTPUT_NAME: FOR_LIBRARIES,
  SEGFAULT_SIGNALS: FOR_LIBRARIES,
  SEGFAULT_USE_ALTSTACK: FOR_LIBRARIES,
  SEV_LEVEL: FOR_PROGRAMS,
  SOTRUSS_EXIT: FOR_LIBRARIES,
  SOTRUSS_FROMLIST: FOR_LIBRARIES,
  SOTRUSS_OUTNAME: FOR_LIBRARIES,
  SOTRUSS_TOLIST: FOR_LIBRARIES,
  SOTRUSS_WHICH: FOR_LIBRARIES,
  TZ: "changes local time, which the plugin does not show",
  TZDIR: "changes local time, which the plugin does not show",
};
