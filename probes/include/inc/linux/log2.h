// The basic types of the kernel; bcc includes this header before every program.
#pragma once
#include <linux/types.h>
typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s8 s8;
typedef __s16 s16;
typedef __s32 s32;
typedef __s64 s64;
typedef _Bool bool;
typedef int pid_t;
typedef __u32 uid_t;
typedef __u32 gid_t;
typedef unsigned long size_t;
typedef long ssize_t;
typedef long long loff_t;
typedef unsigned long uintptr_t;
// bcc puts its readers of USDT arguments before the program text; the tracepoint formats name kernel types
typedef unsigned char uint8_t;
typedef unsigned short uint16_t;
typedef unsigned int uint32_t;
typedef unsigned long long uint64_t;
typedef signed char int8_t;
typedef short int16_t;
typedef int int32_t;
typedef long long int64_t;
typedef unsigned short umode_t;
#define true 1
#define false 0
#ifndef NULL
#define NULL ((void *)0)
#endif
#define TASK_COMM_LEN 16
