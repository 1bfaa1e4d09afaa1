// Written by `plinth types`; what is changed here is lost.
export type Json = string | number | boolean | null | { [key: string]: Json | undefined } | Json[]

export type Database = {
  public: {
    Tables: {
      absences: {
        Row: {
          calendarId: string | null
          endsAt: string
          id: string
          reason: string | null
          resourceId: string
          startsAt: string
        }
        Insert: {
          calendarId?: string | null
          endsAt: string
          id?: string
          reason?: string | null
          resourceId: string
          startsAt: string
        }
        Update: {
          calendarId?: string | null
          endsAt?: string
          id?: string
          reason?: string | null
          resourceId?: string
          startsAt?: string
        }
        Relationships: [
          {
            foreignKeyName: 'absences_calendarId_fkey'
            columns: ['calendarId']
            isOneToOne: false
            referencedRelation: 'external_calendars'
            referencedColumns: ['id']
          },
          {
            foreignKeyName: 'absences_resourceId_fkey'
            columns: ['resourceId']
            isOneToOne: false
            referencedRelation: 'resources'
            referencedColumns: ['id']
          },
        ]
      }
      activity_events: {
        Row: {
          at: string
          data: Json
          id: string
          kind: string
          name: string
          userId: string | null
        }
        Insert: {
          at?: string
          data?: Json
          id?: string
          kind: string
          name: string
          userId?: string | null
        }
        Update: {
          at?: string
          data?: Json
          id?: string
          kind?: string
          name?: string
          userId?: string | null
        }
        Relationships: [
          {
            foreignKeyName: 'activity_events_userId_fkey'
            columns: ['userId']
            isOneToOne: false
            referencedRelation: 'users'
            referencedColumns: ['id']
          },
        ]
      }
      bookings: {
        Row: {
          answers: Json
          cancelReason: string | null
          cancelledAt: string | null
          clientEmail: string | null
          clientName: string
          clientPhone: string | null
          createdAt: string
          currency: string
          customerId: string | null
          date: string
          depositAmount: number
          depositStatus: string
          endsAt: string
          holdUntil: string | null
          id: string
          location: string | null
          notes: string | null
          price: number | null
          resourceId: string | null
          sequence: number
          seriesId: string | null
          serviceId: string | null
          serviceName: string
          status: string
          terms: Json
          timezone: string
          updatedAt: string
        }
        Insert: {
          answers?: Json
          cancelReason?: string | null
          cancelledAt?: string | null
          clientEmail?: string | null
          clientName?: string
          clientPhone?: string | null
          createdAt?: string
          currency?: string
          customerId?: string | null
          date: string
          depositAmount?: number
          depositStatus?: string
          endsAt: string
          holdUntil?: string | null
          id?: string
          location?: string | null
          notes?: string | null
          price?: number | null
          resourceId?: string | null
          sequence?: number
          seriesId?: string | null
          serviceId?: string | null
          serviceName?: string
          status?: string
          terms?: Json
          timezone: string
          updatedAt?: string
        }
        Update: {
          answers?: Json
          cancelReason?: string | null
          cancelledAt?: string | null
          clientEmail?: string | null
          clientName?: string
          clientPhone?: string | null
          createdAt?: string
          currency?: string
          customerId?: string | null
          date?: string
          depositAmount?: number
          depositStatus?: string
          endsAt?: string
          holdUntil?: string | null
          id?: string
          location?: string | null
          notes?: string | null
          price?: number | null
          resourceId?: string | null
          sequence?: number
          seriesId?: string | null
          serviceId?: string | null
          serviceName?: string
          status?: string
          terms?: Json
          timezone?: string
          updatedAt?: string
        }
        Relationships: [
          {
            foreignKeyName: 'bookings_customerId_fkey'
            columns: ['customerId']
            isOneToOne: false
            referencedRelation: 'users'
            referencedColumns: ['id']
          },
          {
            foreignKeyName: 'bookings_resourceId_fkey'
            columns: ['resourceId']
            isOneToOne: false
            referencedRelation: 'resources'
            referencedColumns: ['id']
          },
          {
            foreignKeyName: 'bookings_serviceId_fkey'
            columns: ['serviceId']
            isOneToOne: false
            referencedRelation: 'services'
            referencedColumns: ['id']
          },
        ]
      }
      calendar_feeds: {
        Row: {
          createdAt: string
          id: string
          name: string
          readAt: string | null
          revokedAt: string | null
          tokenHash: string
          userId: string
        }
        Insert: {
          createdAt?: string
          id?: string
          name?: string
          readAt?: string | null
          revokedAt?: string | null
          tokenHash: string
          userId?: string
        }
        Update: {
          createdAt?: string
          id?: string
          name?: string
          readAt?: string | null
          revokedAt?: string | null
          tokenHash?: string
          userId?: string
        }
        Relationships: [
          {
            foreignKeyName: 'calendar_feeds_userId_fkey'
            columns: ['userId']
            isOneToOne: false
            referencedRelation: 'users'
            referencedColumns: ['id']
          },
        ]
      }
      chat_messages: {
        Row: {
          attachments: Json
          chatRoomId: string
          clientId: string | null
          id: string
          message: string
          read: boolean
          senderId: string | null
          senderName: string
          senderType: string
          seq: number
          timestamp: string
        }
        Insert: {
          attachments?: Json
          chatRoomId: string
          clientId?: string | null
          id?: string
          message?: string
          read?: boolean
          senderId?: string | null
          senderName?: string
          senderType?: string
          seq?: number
          timestamp?: string
        }
        Update: {
          attachments?: Json
          chatRoomId?: string
          clientId?: string | null
          id?: string
          message?: string
          read?: boolean
          senderId?: string | null
          senderName?: string
          senderType?: string
          seq?: number
          timestamp?: string
        }
        Relationships: [
          {
            foreignKeyName: 'chat_messages_chatRoomId_fkey'
            columns: ['chatRoomId']
            isOneToOne: false
            referencedRelation: 'chat_rooms'
            referencedColumns: ['id']
          },
          {
            foreignKeyName: 'chat_messages_senderId_fkey'
            columns: ['senderId']
            isOneToOne: false
            referencedRelation: 'users'
            referencedColumns: ['id']
          },
        ]
      }
      chat_reads: {
        Row: {
          at: string
          chatRoomId: string
          seq: number
          userId: string
        }
        Insert: {
          at?: string
          chatRoomId: string
          seq?: number
          userId?: string
        }
        Update: {
          at?: string
          chatRoomId?: string
          seq?: number
          userId?: string
        }
        Relationships: [
          {
            foreignKeyName: 'chat_reads_chatRoomId_fkey'
            columns: ['chatRoomId']
            isOneToOne: false
            referencedRelation: 'chat_rooms'
            referencedColumns: ['id']
          },
          {
            foreignKeyName: 'chat_reads_userId_fkey'
            columns: ['userId']
            isOneToOne: false
            referencedRelation: 'users'
            referencedColumns: ['id']
          },
        ]
      }
      chat_rooms: {
        Row: {
          createdAt: string
          customerEmail: string | null
          customerId: string
          customerName: string
          id: string
          lastMessage: string | null
          lastMessageAt: string | null
          lastSeq: number
          staffId: string | null
        }
        Insert: {
          createdAt?: string
          customerEmail?: string | null
          customerId?: string
          customerName?: string
          id?: string
          lastMessage?: string | null
          lastMessageAt?: string | null
          lastSeq?: number
          staffId?: string | null
        }
        Update: {
          createdAt?: string
          customerEmail?: string | null
          customerId?: string
          customerName?: string
          id?: string
          lastMessage?: string | null
          lastMessageAt?: string | null
          lastSeq?: number
          staffId?: string | null
        }
        Relationships: [
          {
            foreignKeyName: 'chat_rooms_customerId_fkey'
            columns: ['customerId']
            isOneToOne: true
            referencedRelation: 'users'
            referencedColumns: ['id']
          },
          {
            foreignKeyName: 'chat_rooms_staffId_fkey'
            columns: ['staffId']
            isOneToOne: false
            referencedRelation: 'users'
            referencedColumns: ['id']
          },
        ]
      }
      external_calendars: {
        Row: {
          createdAt: string
          etag: string | null
          fetchedAt: string | null
          id: string
          problem: string | null
          resourceId: string
          url: string
        }
        Insert: {
          createdAt?: string
          etag?: string | null
          fetchedAt?: string | null
          id?: string
          problem?: string | null
          resourceId: string
          url: string
        }
        Update: {
          createdAt?: string
          etag?: string | null
          fetchedAt?: string | null
          id?: string
          problem?: string | null
          resourceId?: string
          url?: string
        }
        Relationships: [
          {
            foreignKeyName: 'external_calendars_resourceId_fkey'
            columns: ['resourceId']
            isOneToOne: false
            referencedRelation: 'resources'
            referencedColumns: ['id']
          },
        ]
      }
      holidays: {
        Row: {
          date: string
          id: string
          name: string
        }
        Insert: {
          date: string
          id?: string
          name?: string
        }
        Update: {
          date?: string
          id?: string
          name?: string
        }
        Relationships: []
      }
      in_app_notifications: {
        Row: {
          action_url: string | null
          created_at: string
          data: Json | null
          id: string
          message: string
          read_at: string | null
          title: string
          type: string
          user_id: string
        }
        Insert: {
          action_url?: string | null
          created_at?: string
          data?: Json | null
          id?: string
          message: string
          read_at?: string | null
          title: string
          type?: string
          user_id: string
        }
        Update: {
          action_url?: string | null
          created_at?: string
          data?: Json | null
          id?: string
          message?: string
          read_at?: string | null
          title?: string
          type?: string
          user_id?: string
        }
        Relationships: []
      }
      notification_preferences: {
        Row: {
          email: boolean | null
          in_app: boolean | null
          locale: string | null
          marketing: boolean | null
          push: boolean | null
          quiet_from: string | null
          quiet_until: string | null
          sms: boolean | null
          topic: string
          user_id: string
          zone: string | null
        }
        Insert: {
          email?: boolean | null
          in_app?: boolean | null
          locale?: string | null
          marketing?: boolean | null
          push?: boolean | null
          quiet_from?: string | null
          quiet_until?: string | null
          sms?: boolean | null
          topic?: string
          user_id?: string
          zone?: string | null
        }
        Update: {
          email?: boolean | null
          in_app?: boolean | null
          locale?: string | null
          marketing?: boolean | null
          push?: boolean | null
          quiet_from?: string | null
          quiet_until?: string | null
          sms?: boolean | null
          topic?: string
          user_id?: string
          zone?: string | null
        }
        Relationships: []
      }
      opening_hours: {
        Row: {
          closes: number
          id: string
          opens: number
          scheduleId: string
          weekday: number
        }
        Insert: {
          closes: number
          id?: string
          opens: number
          scheduleId: string
          weekday: number
        }
        Update: {
          closes?: number
          id?: string
          opens?: number
          scheduleId?: string
          weekday?: number
        }
        Relationships: [
          {
            foreignKeyName: 'opening_hours_scheduleId_fkey'
            columns: ['scheduleId']
            isOneToOne: false
            referencedRelation: 'schedules'
            referencedColumns: ['id']
          },
        ]
      }
      project_updates: {
        Row: {
          authorId: string | null
          authorName: string
          createdAt: string
          data: Json
          id: string
          internal: boolean
          kind: string
          message: string
          projectId: string
          seq: number
        }
        Insert: {
          authorId?: string | null
          authorName?: string
          createdAt?: string
          data?: Json
          id?: string
          internal?: boolean
          kind?: string
          message?: string
          projectId: string
          seq?: never
        }
        Update: {
          authorId?: string | null
          authorName?: string
          createdAt?: string
          data?: Json
          id?: string
          internal?: boolean
          kind?: string
          message?: string
          projectId?: string
          seq?: never
        }
        Relationships: [
          {
            foreignKeyName: 'project_updates_authorId_fkey'
            columns: ['authorId']
            isOneToOne: false
            referencedRelation: 'users'
            referencedColumns: ['id']
          },
          {
            foreignKeyName: 'project_updates_projectId_fkey'
            columns: ['projectId']
            isOneToOne: false
            referencedRelation: 'projects'
            referencedColumns: ['id']
          },
        ]
      }
      projects: {
        Row: {
          bookingId: string | null
          clientEmail: string | null
          clientName: string
          clientPhone: string | null
          createdAt: string
          customerId: string | null
          description: string
          id: string
          location: string | null
          mediaUrls: Json
          progress: number
          staffId: string | null
          status: string
          title: string
          updatedAt: string
          updates: Json
        }
        Insert: {
          bookingId?: string | null
          clientEmail?: string | null
          clientName?: string
          clientPhone?: string | null
          createdAt?: string
          customerId?: string | null
          description?: string
          id?: string
          location?: string | null
          mediaUrls?: Json
          progress?: number
          staffId?: string | null
          status?: string
          title: string
          updatedAt?: string
          updates?: Json
        }
        Update: {
          bookingId?: string | null
          clientEmail?: string | null
          clientName?: string
          clientPhone?: string | null
          createdAt?: string
          customerId?: string | null
          description?: string
          id?: string
          location?: string | null
          mediaUrls?: Json
          progress?: number
          staffId?: string | null
          status?: string
          title?: string
          updatedAt?: string
          updates?: Json
        }
        Relationships: [
          {
            foreignKeyName: 'projects_bookingId_fkey'
            columns: ['bookingId']
            isOneToOne: true
            referencedRelation: 'bookings'
            referencedColumns: ['id']
          },
          {
            foreignKeyName: 'projects_customerId_fkey'
            columns: ['customerId']
            isOneToOne: false
            referencedRelation: 'users'
            referencedColumns: ['id']
          },
          {
            foreignKeyName: 'projects_staffId_fkey'
            columns: ['staffId']
            isOneToOne: false
            referencedRelation: 'users'
            referencedColumns: ['id']
          },
        ]
      }
      push_subscriptions: {
        Row: {
          auth: string | null
          created_at: string
          endpoint: string
          kind: string
          p256dh: string | null
          user_id: string
        }
        Insert: {
          auth?: string | null
          created_at?: string
          endpoint: string
          kind?: string
          p256dh?: string | null
          user_id?: string
        }
        Update: {
          auth?: string | null
          created_at?: string
          endpoint?: string
          kind?: string
          p256dh?: string | null
          user_id?: string
        }
        Relationships: []
      }
      resources: {
        Row: {
          createdAt: string
          id: string
          isActive: boolean
          kind: string
          name: string
          updatedAt: string
          userId: string | null
        }
        Insert: {
          createdAt?: string
          id?: string
          isActive?: boolean
          kind?: string
          name: string
          updatedAt?: string
          userId?: string | null
        }
        Update: {
          createdAt?: string
          id?: string
          isActive?: boolean
          kind?: string
          name?: string
          updatedAt?: string
          userId?: string | null
        }
        Relationships: [
          {
            foreignKeyName: 'resources_userId_fkey'
            columns: ['userId']
            isOneToOne: false
            referencedRelation: 'users'
            referencedColumns: ['id']
          },
        ]
      }
      role_permissions: {
        Row: {
          permission: string
          role: string
          scope: string
        }
        Insert: {
          permission: string
          role: string
          scope: string
        }
        Update: {
          permission?: string
          role?: string
          scope?: string
        }
        Relationships: []
      }
      schedule_overrides: {
        Row: {
          closes: number | null
          date: string
          id: string
          opens: number | null
          reason: string | null
          scheduleId: string
        }
        Insert: {
          closes?: number | null
          date: string
          id?: string
          opens?: number | null
          reason?: string | null
          scheduleId: string
        }
        Update: {
          closes?: number | null
          date?: string
          id?: string
          opens?: number | null
          reason?: string | null
          scheduleId?: string
        }
        Relationships: [
          {
            foreignKeyName: 'schedule_overrides_scheduleId_fkey'
            columns: ['scheduleId']
            isOneToOne: false
            referencedRelation: 'schedules'
            referencedColumns: ['id']
          },
        ]
      }
      schedules: {
        Row: {
          createdAt: string
          id: string
          isDefault: boolean
          name: string
          timezone: string
          updatedAt: string
        }
        Insert: {
          createdAt?: string
          id?: string
          isDefault?: boolean
          name: string
          timezone?: string
          updatedAt?: string
        }
        Update: {
          createdAt?: string
          id?: string
          isDefault?: boolean
          name?: string
          timezone?: string
          updatedAt?: string
        }
        Relationships: []
      }
      service_resources: {
        Row: {
          rank: number
          resourceId: string
          serviceId: string
        }
        Insert: {
          rank?: number
          resourceId: string
          serviceId: string
        }
        Update: {
          rank?: number
          resourceId?: string
          serviceId?: string
        }
        Relationships: [
          {
            foreignKeyName: 'service_resources_resourceId_fkey'
            columns: ['resourceId']
            isOneToOne: false
            referencedRelation: 'resources'
            referencedColumns: ['id']
          },
          {
            foreignKeyName: 'service_resources_serviceId_fkey'
            columns: ['serviceId']
            isOneToOne: false
            referencedRelation: 'services'
            referencedColumns: ['id']
          },
        ]
      }
      services: {
        Row: {
          autoConfirm: boolean
          bufferAfter: number
          bufferBefore: number
          cancellationWindow: number
          capacity: number
          category: string
          createdAt: string
          createsProject: boolean
          currency: string
          depositMinutes: number
          depositPercent: number
          description: string
          duration: number
          horizon: number
          id: string
          imageUrl: string | null
          isActive: boolean
          media: Json
          minimumNotice: number
          price: number
          questions: Json
          scheduleId: string | null
          slotStep: number
          title: string
          updatedAt: string
          videoUrl: string | null
        }
        Insert: {
          autoConfirm?: boolean
          bufferAfter?: number
          bufferBefore?: number
          cancellationWindow?: number
          capacity?: number
          category?: string
          createdAt?: string
          createsProject?: boolean
          currency?: string
          depositMinutes?: number
          depositPercent?: number
          description?: string
          duration?: number
          horizon?: number
          id?: string
          imageUrl?: string | null
          isActive?: boolean
          media?: Json
          minimumNotice?: number
          price?: number
          questions?: Json
          scheduleId?: string | null
          slotStep?: number
          title: string
          updatedAt?: string
          videoUrl?: string | null
        }
        Update: {
          autoConfirm?: boolean
          bufferAfter?: number
          bufferBefore?: number
          cancellationWindow?: number
          capacity?: number
          category?: string
          createdAt?: string
          createsProject?: boolean
          currency?: string
          depositMinutes?: number
          depositPercent?: number
          description?: string
          duration?: number
          horizon?: number
          id?: string
          imageUrl?: string | null
          isActive?: boolean
          media?: Json
          minimumNotice?: number
          price?: number
          questions?: Json
          scheduleId?: string | null
          slotStep?: number
          title?: string
          updatedAt?: string
          videoUrl?: string | null
        }
        Relationships: [
          {
            foreignKeyName: 'services_scheduleId_fkey'
            columns: ['scheduleId']
            isOneToOne: false
            referencedRelation: 'schedules'
            referencedColumns: ['id']
          },
        ]
      }
      users: {
        Row: {
          address: string | null
          createdAt: string
          email: string | null
          favoriteServices: Json
          id: string
          isActive: boolean
          name: string
          phone: string | null
          profileImage: string | null
          role: string
          simpleId: string
          updatedAt: string
        }
        Insert: {
          address?: string | null
          createdAt?: string
          email?: string | null
          favoriteServices?: Json
          id: string
          isActive?: boolean
          name?: string
          phone?: string | null
          profileImage?: string | null
          role?: string
          simpleId?: string
          updatedAt?: string
        }
        Update: {
          address?: string | null
          createdAt?: string
          email?: string | null
          favoriteServices?: Json
          id?: string
          isActive?: boolean
          name?: string
          phone?: string | null
          profileImage?: string | null
          role?: string
          simpleId?: string
          updatedAt?: string
        }
        Relationships: []
      }
    }
    Views: { [_ in never]: never }
    Functions: {
      add_project_media: {
        Args: {
          p_project: string
          p_media: Json
        }
        Returns: Json
      }
      dashboard_engagement: {
        Args: {
          p_from?: string
          p_until?: string
        }
        Returns: Json
      }
      dashboard_features: {
        Args: {
          p_from?: string
          p_until?: string
        }
        Returns: Json
      }
      dashboard_statistics: {
        Args: {
          p_from?: string
          p_until?: string
        }
        Returns: Json
      }
      limits: {
        Args: never
        Returns: {
          name: string | null
          value: number | null
          purpose: string | null
        }[]
      }
      make_calendar_feed: {
        Args: {
          p_name?: string
        }
        Returns: Json
      }
      mark_read: {
        Args: {
          p_room: string
          p_seq: number
        }
        Returns: number
      }
      open_my_room: {
        Args: never
        Returns: Database['public']['Tables']['chat_rooms']['Row']
      }
      search_chat: {
        Args: {
          p_query: string
          p_room?: string
          p_limit?: number
        }
        Returns: Database['public']['Tables']['chat_messages']['Row'][]
      }
      send_message: {
        Args: {
          p_room: string
          p_message: string
          p_client_id?: string
          p_attachments?: Json
        }
        Returns: Database['public']['Tables']['chat_messages']['Row']
      }
      set_limit: {
        Args: {
          p_name: string
          p_value: number
        }
        Returns: undefined
      }
    }
    Enums: { [_ in never]: never }
    CompositeTypes: { [_ in never]: never }
  }
}

type Tables_ = Database['public']['Tables']
export type Tables<Name extends keyof Tables_> = Tables_[Name]['Row']
export type TablesInsert<Name extends keyof Tables_> = Tables_[Name]['Insert']
export type TablesUpdate<Name extends keyof Tables_> = Tables_[Name]['Update']
export type Enums<Name extends keyof Database['public']['Enums']> = Database['public']['Enums'][Name]
